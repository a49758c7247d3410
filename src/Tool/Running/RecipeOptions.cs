using System.CommandLine;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Execution;
using CompressTool.Tool.CommandLine;

namespace CompressTool.Tool.Running;

/// <summary>The argument and options of every command that works on a recipe.</summary>
internal sealed class RecipeOptions
{
    public Argument<string> Recipe { get; } = new("RECIPE") { Description = "The recipe, e.g. shop.compress.yml." };

    public Option<string[]> Set { get; } = new("--set")
    {
        Description = "Give a variable of the recipe a value; may be repeated.",
        HelpName = "NAME=VALUE",
        AllowMultipleArgumentsPerToken = false,
    };

    public Option<string?> Cache { get; } = new("--cache")
    {
        Description = "The folder of the artifact store; otherwise COMPRESS_CACHE, or obj/compress/store of the project around the recipe.",
        HelpName = "FOLDER",
    };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(Recipe);
        command.Add(Set);
        command.Add(Cache);
    }

    /// <summary>What the command line asks for.</summary>
    public RecipeRequest Request(CommandContext context) => new()
    {
        RecipePath = context.Get(Recipe),
        Variables = ParseVariables(context.Get(Set)),
        CacheFolder = context.Get(Cache),
    };

    /// <summary>Splits NAME=VALUE.</summary>
    /// <exception cref="CompressToolException">An entry has no name or no equals sign, or a name comes twice.</exception>
    public static Dictionary<string, string> ParseVariables(IEnumerable<string> entries)
    {
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            var equals = entry.IndexOf('=');
            if (equals <= 0)
            {
                throw new CompressToolException(ToolErrors.InvalidValue, $"'--set {entry}' does not give a variable a value; write --set name=value");
            }

            if (!result.TryAdd(entry[..equals], entry[(equals + 1)..]))
            {
                throw new CompressToolException(ToolErrors.Conflict, $"the variable '{entry[..equals]}' is set twice");
            }
        }

        return result;
    }
}
