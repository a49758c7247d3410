using System.Reflection;

namespace CompressTool.Testing;

/// <summary>Where the tests find files: the repository, the fixtures in it and, when present, the oracles beside it.</summary>
public static class Repository
{
    /// <summary>The root folder of the repository.</summary>
    public static string Root { get; } = Path.GetFullPath(typeof(Repository).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "RepositoryRoot").Value!);

    /// <summary>A file or folder below tests/fixtures.</summary>
    public static string Fixture(params string[] parts) => Path.Combine([Root, "tests", "fixtures", .. parts]);

    /// <summary>The oracle folder: COMPRESSTOOL_ORACLES, or shared/oracles beside a folder above the repository; null when absent.</summary>
    public static string? OracleFolder { get; } = FindOracles();

    /// <summary>A file of the oracle folder; null when it is absent.</summary>
    public static string? Oracle(params string[] parts)
    {
        var path = OracleFolder is null ? null : Path.Combine([OracleFolder, .. parts]);
        return path is not null && Path.Exists(path) ? path : null;
    }

    private static string? FindOracles()
    {
        if (Environment.GetEnvironmentVariable("COMPRESSTOOL_ORACLES") is { Length: > 0 } configured)
        {
            return configured;
        }

        for (var folder = Directory.GetParent(Root.TrimEnd(Path.DirectorySeparatorChar)); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "shared", "oracles");
            if (File.Exists(Path.Combine(candidate, "INDEX.md")))
            {
                return candidate;
            }
        }

        return null;
    }
}
