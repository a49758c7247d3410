using Microsoft.Build.Framework;
using Task = Microsoft.Build.Utilities.Task;

namespace CompressTool.Tasks;

/// <summary>
/// Deletes what builds have left below obj/compress, and nothing that they have not written: the folder may have been set to one
/// that holds other files.
/// </summary>
public sealed class CompressClean : Task
{
    /// <summary>Full path of the folder that holds the recipes' folders.</summary>
    [Required]
    public string Root { get; set; } = string.Empty;

    /// <inheritdoc/>
    public override bool Execute()
    {
        var lists = RecipeFolder.Lists(Root);
        if (lists.Length == 0)
        {
            return true;
        }

        foreach (var folder in Directory.GetDirectories(Root).Where(folder => RecipeFolder.IsRecipe(folder) || Path.GetFileName(folder) == "store"))
        {
            RecipeFolder.Delete(folder, Log);
        }

        foreach (var list in lists)
        {
            File.Delete(list);
        }

        if (!Directory.EnumerateFileSystemEntries(Root).Any())
        {
            Directory.Delete(Root);
        }

        return true;
    }
}
