using System.CommandLine;
using System.Text.Json.Nodes;
using CompressTool.Recipes.Documentation;
using CompressTool.Recipes.Store;
using CompressTool.Tool.CommandLine;

namespace CompressTool.Tool.Commands;

/// <summary><c>schema</c>: the JSON schema of recipes.</summary>
internal sealed class SchemaCommand : ToolCommand
{
    private readonly Option<string?> _output = new("--output", "-o") { Description = "The file to write; standard output without it.", HelpName = "FILE" };

    public SchemaCommand()
        : base("schema", "Write the JSON schema with which editors complete and check recipes.")
    {
        Add(_output);
    }

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context)
    {
        var schema = RecipeSchema.Write();
        if (context.Get(_output) is { } file)
        {
            file = Path.GetFullPath(file);
            AtomicFile.Write(file, schema);
            context.WriteResult(new JsonObject { ["file"] = file }, output => output.WriteLine($"wrote {file}"));
        }
        else
        {
            context.WriteResult(new JsonObject { ["schema"] = JsonNode.Parse(schema) }, output => output.Write(schema));
        }

        return Task.FromResult(ExitCodes.Success);
    }
}
