using System.CommandLine;
using System.Text.Json.Nodes;
using CompressTool.Recipes.Documentation;
using CompressTool.Tool.CommandLine;

namespace CompressTool.Tool.Commands;

/// <summary><c>docs</c>: writes the generated pages of the documentation, for those who work on the tool.</summary>
internal sealed class DocsCommand : ToolCommand
{
    private readonly Option<string> _root = new("--root")
    {
        Description = "The root folder of the repository.",
        HelpName = "FOLDER",
        DefaultValueFactory = _ => Environment.CurrentDirectory,
    };

    public DocsCommand()
        : base("docs", "Write the generated pages of the documentation.")
    {
        Hidden = true;
        Add(_root);
    }

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context)
    {
        var root = Path.GetFullPath(context.Get(_root));
        DocumentationWriter.WriteAll(root, typeof(Program).Assembly);
        context.WriteResult(new JsonObject { ["root"] = root }, output => output.WriteLine($"wrote the generated pages below {Path.Combine(root, "docs")}"));
        return Task.FromResult(ExitCodes.Success);
    }
}
