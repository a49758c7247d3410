using System.CommandLine;
using CompressTool.Recipes.Execution;
using CompressTool.Recipes.Language;

namespace CompressTool.Tool.CommandLine;

/// <summary>Where the artifact store is, for commands without a recipe.</summary>
internal static class CacheFolder
{
    /// <summary>The option that names it. A command has an instance of its own.</summary>
    public static Option<string?> CreateOption() => new("--cache")
    {
        Description = $"The folder of the artifact store; otherwise {RecipeSession.CacheVariable}, or obj/compress/store of the project around the current folder.",
        HelpName = "FOLDER",
        Recursive = true,
    };

    /// <summary>The folder: the given one, or the one that recipes in the current folder use.</summary>
    public static string Of(string? given) =>
        Path.GetFullPath(RecipeSession.CacheFolder(given, RecipeLoader.FindProjectFolder(Path.Combine(Environment.CurrentDirectory, "recipe"))));
}
