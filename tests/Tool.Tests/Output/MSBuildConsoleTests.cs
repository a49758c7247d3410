using System.Text.Json.Nodes;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests.Output;

/// <summary>The lines that the MSBuild task reads.</summary>
[TestClass]
public sealed class MSBuildConsoleTests
{
    private const string Prefix = "##compress ";

    [TestMethod]
    public async Task Result_becomes_messages()
    {
        var result = (await ToolRunner.RunAsync("inspect", Repository.Fixture("unet2d/model_op17_dynbatch.onnx"), "--log", "msbuild")).Expect(0);

        var lines = Parse(result.Output);
        Assert.IsTrue(lines.All(line => (string?)line["type"] == "message" && (string?)line["importance"] == "high"));
        Assert.IsTrue(lines.Any(line => ((string)line["text"]!).Contains("702,499")));
        Assert.AreEqual("", result.Error);
    }

    [TestMethod]
    public async Task Error_of_a_recipe_has_its_place()
    {
        using var temp = new TempFolder();
        var recipe = temp.Write("bad.compress.yml", "version: 1\nmodel: a.onnx\nstages:\n  - prun: { structure: weights }\n");

        var result = (await ToolRunner.RunAsync("plan", recipe, "--log", "msbuild")).Expect(2);

        var error = Parse(result.Output).Single();
        Assert.AreEqual("diagnostic", (string?)error["type"]);
        Assert.AreEqual("error", (string?)error["severity"]);
        Assert.AreEqual("CMP1010", (string?)error["code"]);
        Assert.AreEqual(recipe, (string?)error["file"]);
        Assert.AreEqual((4, 5), ((int)error["line"]!, (int)error["column"]!));
        Assert.AreEqual((4, 9), ((int)error["endLine"]!, (int)error["endColumn"]!));
        Assert.AreEqual("", result.Error);
    }

    [TestMethod]
    public async Task Error_without_a_place_has_none()
    {
        var result = (await ToolRunner.RunAsync("inspect", "nowhere.onnx", "--log", "msbuild")).Expect(2);

        var error = Parse(result.Output).Single();
        Assert.AreEqual("CMP2001", (string?)error["code"]);
        Assert.IsNull(error["file"]);
        Assert.AreEqual(0, (int)error["line"]!);
    }

    private static List<JsonObject> Parse(string output) =>
        [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line =>
        {
            Assert.StartsWith(Prefix, line);
            return JsonNode.Parse(line[Prefix.Length..])!.AsObject();
        })];
}
