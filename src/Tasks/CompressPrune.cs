using Microsoft.Build.Framework;
using Task = Microsoft.Build.Utilities.Task;

namespace CompressTool.Tasks;

/// <summary>
/// Deletes the folders of recipes that a project no longer includes. Each build of a project (target framework, configuration,
/// runtime) keeps a list of its own, so that a recipe only one of them includes survives the others.
/// </summary>
public sealed class CompressPrune : Task
{
    /// <summary>Full path of the folder that holds the recipes' folders.</summary>
    [Required]
    public string Root { get; set; } = string.Empty;

    /// <summary>The list of this build, a file in <see cref="Root"/> that ends in <c>.recipes</c>.</summary>
    [Required]
    public string ListFile { get; set; } = string.Empty;

    /// <summary>Names of the folders in use.</summary>
    public string[] Recipes { get; set; } = [];

    /// <inheritdoc/>
    public override bool Execute()
    {
        var before = ReadList(ListFile);
        if (before.SetEquals(Recipes))
        {
            return true;
        }

        before.ExceptWith(Recipes);
        foreach (var other in RecipeFolder.Lists(Root).Where(list => !PathEquals(list, ListFile)))
        {
            before.ExceptWith(ReadList(other));
        }

        foreach (var folder in before.Select(name => Path.Combine(Root, name)).Where(RecipeFolder.IsRecipe))
        {
            RecipeFolder.Delete(folder, Log);
        }

        AtomicFile.WriteIfDifferent(ListFile, string.Concat(Recipes.OrderBy(name => name, StringComparer.Ordinal).Select(name => name + "\n")));
        return true;
    }

    private static HashSet<string> ReadList(string file) =>
        new(File.Exists(file) ? File.ReadAllLines(file).Where(line => line.Length > 0) : [], StringComparer.Ordinal);

    private static bool PathEquals(string one, string other) =>
        string.Equals(Path.GetFullPath(one), Path.GetFullPath(other), StringComparison.Ordinal);
}
