using System.IO.Enumeration;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Data;

/// <summary>
/// The files that a path names: a file itself, a folder with all below it, or a pattern, in which * is any text of a name, ?
/// one character and ** any folders. Always in the same order on every system: ordinal, by the path relative to the root.
/// Names that begin with a dot are left out.
/// </summary>
public sealed class FileSet
{
    /// <summary>Links may lead in circles.</summary>
    private const int MaxDepth = 32;

    private FileSet(string root, IReadOnlyList<string> names) => (Root, Names) = (root, names);

    /// <summary>The folder that names are relative to: the one named, or what comes before the first wildcard.</summary>
    public string Root { get; }

    /// <summary>The files relative to the root, with forward slashes.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The full paths of the files.</summary>
    public IEnumerable<string> Paths => Names.Select(PathOf);

    /// <summary>Finds files.</summary>
    /// <param name="path">A file, a folder or a pattern.</param>
    /// <param name="extensions">With their dots, the usual one first: which files of a folder count. Patterns and files say themselves what they mean.</param>
    /// <exception cref="CompressToolException">There is no such file (<see cref="OnnxErrors.FileNotFound"/>).</exception>
    public static FileSet Find(string path, params IReadOnlyList<string> extensions)
    {
        var full = Path.GetFullPath(path);
        if (Directory.Exists(full))
        {
            var found = Below(full, recurse: true).Where(name => extensions.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase));
            return Create(full, found, $"the folder '{full}' has no {extensions[0].TrimStart('.').ToUpperInvariant()} files in it");
        }

        if (!HasWildcards(full))
        {
            return Create(Path.GetDirectoryName(full)!, File.Exists(full) ? [Path.GetFileName(full)] : [], $"the file '{full}' does not exist");
        }

        var parts = full.Replace('\\', '/').Split('/');
        var fixedParts = Array.FindIndex(parts, HasWildcards);
        var root = string.Join('/', parts[..fixedParts]) is { Length: > 0 } start ? Path.GetFullPath(start + "/") : Path.GetPathRoot(full)!;
        root = Path.TrimEndingDirectorySeparator(root);
        var pattern = parts[fixedParts..];
        return Create(root, Directory.Exists(root) ? Below(root, pattern.Length > 1 || pattern[0] == "**").Where(name => Matches(name.Split('/'), pattern)) : [],
            $"no file matches '{full}'");
    }

    /// <summary>Whether a text is a pattern.</summary>
    public static bool HasWildcards(string path) => path.AsSpan().ContainsAny('*', '?');

    /// <summary>The full path of a file of the set.</summary>
    /// <param name="name">Its name relative to the root.</param>
    public string PathOf(string name) => Path.Combine(Root, name);

    private static FileSet Create(string root, IEnumerable<string> names, string message)
    {
        var set = new FileSet(root, [.. names.Order(StringComparer.Ordinal)]);
        return set.Names.Count > 0 ? set : throw new CompressToolException(OnnxErrors.FileNotFound, message);
    }

    private static IEnumerable<string> Below(string root, bool recurse)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = recurse, MaxRecursionDepth = MaxDepth, IgnoreInaccessible = false };
        return Directory.EnumerateFiles(root, "*", options)
            .Select(file => Path.GetRelativePath(root, file).Replace('\\', '/'))
            .Where(name => name[0] != '.' && !name.Contains("/.", StringComparison.Ordinal));
    }

    private static bool Matches(ReadOnlySpan<string> name, ReadOnlySpan<string> pattern)
    {
        if (pattern.IsEmpty || name.IsEmpty)
        {
            return pattern.IsEmpty && name.IsEmpty;
        }

        if (pattern[0] == "**")
        {
            return Matches(name, pattern.Length > 1 ? pattern[1..] : ["*"]) || Matches(name[1..], pattern);
        }

        return FileSystemName.MatchesSimpleExpression(pattern[0], name[0], ignoreCase: false) && Matches(name[1..], pattern[1..]);
    }
}
