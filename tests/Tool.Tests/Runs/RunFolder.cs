namespace CompressTool.Tool.Tests.Runs;

/// <summary>A project of one recipe in a folder of its own, with a small real model.</summary>
internal sealed class RunFolder : IDisposable
{
    private readonly TempFolder _folder = new();

    public RunFolder(string stages, string rest = "")
    {
        // Marks the folder as a project, so that the store is inside.
        _folder.Write("app.csproj", "<Project />");
        File.Copy(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"), _folder.File("model.onnx"));
        Write(stages, rest);
    }

    public string Path => _folder.Path;

    public string Recipe => _folder.File("shop.compress.yml");

    public string Output => System.IO.Path.Combine(Path, "out");

    public string Model => System.IO.Path.Combine(Path, "model.onnx");

    /// <summary>Replaces the recipe.</summary>
    public void Write(string stages, string rest = "") => File.WriteAllText(Recipe, $"version: 1\nmodel: model.onnx\nstages:\n{stages}\n{rest}\n");

    /// <summary>All files of the artifacts in the store and of the output, by relative path, as text that shows differences.</summary>
    public SortedDictionary<string, string> Results()
    {
        var result = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var root in new[] { System.IO.Path.Combine(Path, "obj", "compress", "store", "artifacts"), Output }.Where(Directory.Exists))
        {
            foreach (var file in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories))
            {
                result.Add(System.IO.Path.GetRelativePath(Path, file), Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file))));
            }
        }

        return result;
    }

    public void Dispose() => _folder.Dispose();
}
