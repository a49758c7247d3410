using System.Text.Json.Nodes;
using CompressTool.Tool.CommandLine;

namespace CompressTool.Tool.Commands;

/// <summary><c>info</c>: the tool and its surroundings.</summary>
internal sealed class InfoCommand() : ToolCommand("info", "Shows the tool's version and what it runs on.")
{
    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context)
    {
        context.WriteResult(new JsonObject { ["version"] = Program.Version }, output => output.WriteLine(Program.Version));
        return Task.FromResult(ExitCodes.Success);
    }
}
