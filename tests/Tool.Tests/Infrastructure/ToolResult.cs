using System.Text.Json.Nodes;

namespace CompressTool.Tool.Tests.Infrastructure;

/// <summary>What a run of the tool gave.</summary>
internal sealed record ToolResult(int ExitCode, string Output, string Error)
{
    /// <summary>Standard output as the one JSON object that it must be.</summary>
    public JsonObject Json
    {
        get
        {
            var json = JsonNode.Parse(Output)!.AsObject(); // throws when anything stands before or behind the object
            Assert.AreEqual(1, (int?)json["schemaVersion"]);
            return json;
        }
    }

    /// <summary>Fails unless the exit code is the expected one; shows what the tool said.</summary>
    public ToolResult Expect(int exitCode)
    {
        Assert.AreEqual(exitCode, ExitCode, $"stdout: {Output}\nstderr: {Error}");
        return this;
    }
}
