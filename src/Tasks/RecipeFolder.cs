using Microsoft.Build.Utilities;

namespace CompressTool.Tasks;

/// <summary>The folders and files that builds keep below obj/compress.</summary>
internal static class RecipeFolder
{
    /// <summary>True for a recipe's folder.</summary>
    public static bool IsRecipe(string folder) => File.Exists(Path.Combine(folder, "plan.args"));

    /// <summary>The lists of recipes, one per build of the project.</summary>
    public static string[] Lists(string root) => Directory.Exists(root) ? Directory.GetFiles(root, "*.recipes") : [];

    /// <summary>Deletes a folder with all that is in it; a file in use is worth a warning.</summary>
    public static void Delete(string folder, TaskLoggingHelper log)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            log.LogWarning(null, "CMP0012", null, null, 0, 0, 0, 0, "'{0}' could not be deleted: {1}", folder, error.Message);
        }
    }
}
