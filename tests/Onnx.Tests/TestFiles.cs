namespace CompressTool.Onnx.Tests;

/// <summary>The files that many tests run over: the fixtures, and the oracles when they are there.</summary>
internal static class TestFiles
{
    /// <summary>All files of a kind, e.g. <c>*.onnx</c>; never empty.</summary>
    public static IReadOnlyList<string> All(string pattern)
    {
        var folders = new[] { Repository.Fixture(), Repository.OracleFolder }.OfType<string>();
        var files = folders.SelectMany(folder => Directory.GetFiles(folder, pattern, SearchOption.AllDirectories)).Order(StringComparer.Ordinal).ToList();
        Assert.IsNotEmpty(files);
        return files;
    }
}
