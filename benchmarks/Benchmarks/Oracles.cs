namespace CompressTool.Benchmarks;

/// <summary>Files of the oracle folder: COMPRESSTOOL_ORACLES, or shared/oracles beside a folder above the repository.</summary>
internal static class Oracles
{
    /// <summary>Full path of a file or folder.</summary>
    /// <exception cref="FileNotFoundException">It is not at hand.</exception>
    public static string Find(params string[] parts) => TryFind(parts)
        ?? throw new FileNotFoundException($"This benchmark needs {string.Join('/', parts)} of the oracles; set COMPRESSTOOL_ORACLES to their folder.");

    /// <summary>Full path of a file or folder; null when it is not at hand.</summary>
    public static string? TryFind(params string[] parts)
    {
        var roots = new List<string>();
        if (Environment.GetEnvironmentVariable("COMPRESSTOOL_ORACLES") is { Length: > 0 } configured)
        {
            roots.Add(configured);
        }

        for (var folder = new DirectoryInfo(Program.RepositoryRoot); folder is not null; folder = folder.Parent)
        {
            roots.Add(Path.Combine(folder.FullName, "shared", "oracles"));
        }

        return roots.Select(root => Path.Combine([root, .. parts])).FirstOrDefault(Path.Exists);
    }
}
