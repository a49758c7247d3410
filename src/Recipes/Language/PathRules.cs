using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Language;

/// <summary>
/// What a path in a recipe may be: relative to the recipe, with forward slashes, inside the project. So a recipe means the
/// same on every machine, and a recipe from elsewhere cannot read files that are none of its business.
/// </summary>
internal sealed class PathRules
{
    private readonly string _folder;
    private readonly string[] _roots;

    /// <summary>Creates the rules.</summary>
    /// <param name="recipe">Full path of the recipe.</param>
    /// <param name="projectFolder">Folder that paths must not leave; null is the recipe's.</param>
    public PathRules(string recipe, string? projectFolder)
    {
        _folder = Path.GetDirectoryName(recipe)!;
        _roots = [.. new[] { _folder, Path.GetFullPath(projectFolder ?? _folder) }.Select(root => Path.TrimEndingDirectorySeparator(root))];
    }

    /// <summary>What is wrong with a path; null when it is fine.</summary>
    public (ErrorCode Code, string Message)? Problem(string text, out string fullPath)
    {
        fullPath = "";
        if (text.Trim() != text || text.Length == 0 || text.Any(char.IsControl))
        {
            return (RecipeErrors.InvalidPath, "is not a path");
        }

        if (text.Contains("://", StringComparison.Ordinal))
        {
            return (RecipeErrors.InvalidPath, "is an address; download the file into the project and name it by its path");
        }

        if (text[0] is '/' or '\\' || (text.Length > 1 && char.IsAsciiLetter(text[0]) && text[1] == ':'))
        {
            return (RecipeErrors.InvalidPath, "is an absolute path; write it relative to the recipe");
        }

        if (text.Contains('\\'))
        {
            return (RecipeErrors.InvalidPath, $"contains a backslash; write '{text.Replace('\\', '/')}', which works on every system");
        }

        var full = Path.GetFullPath(text, _folder);
        if (!_roots.Any(root => IsInside(full, root)))
        {
            return (RecipeErrors.PathOutsideProject, "leaves the project's folder; copy the file into the project");
        }

        fullPath = full;
        return null;
    }

    private static bool IsInside(string path, string folder)
    {
        var comparison = OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        return path.StartsWith(folder, comparison)
            && (path.Length == folder.Length || path[folder.Length] == Path.DirectorySeparatorChar || Path.EndsInDirectorySeparator(folder));
    }
}
