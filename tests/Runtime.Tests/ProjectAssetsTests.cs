using System.Text.Json;

namespace CompressTool.Runtime.Tests;

[TestClass]
public sealed class ProjectAssetsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    public void Library_of_the_restored_package_is_found()
    {
        var library = Package("microsoft.ml.onnxruntime/1.20.1");
        var assets = Assets("Microsoft.ML.OnnxRuntime/1.20.1", "Microsoft.ML.OnnxRuntime.Managed/1.20.1", "YamlDotNet/16.3.0");

        var location = ProjectAssets.FindOnnxRuntime(assets);

        Assert.IsNotNull(location);
        Assert.AreEqual(library, location.Path);
        Assert.AreEqual("referenced by the app: Microsoft.ML.OnnxRuntime 1.20.1", location.Reason);
    }

    [TestMethod]
    public void Newest_package_with_a_library_for_this_system_wins()
    {
        Package("microsoft.ml.onnxruntime/1.9.0");
        var newest = Package("microsoft.ml.onnxruntime.gpu.linux/1.20.1");
        var assets = Assets("Microsoft.ML.OnnxRuntime/1.9.0", "Microsoft.ML.OnnxRuntime.Gpu/1.20.1", "Microsoft.ML.OnnxRuntime.Gpu.Linux/1.20.1");

        Assert.AreEqual(newest, ProjectAssets.FindOnnxRuntime(assets)?.Path);
    }

    [TestMethod]
    public void Our_own_package_carries_a_library_too()
    {
        var library = Package("compresstool.runtime/0.1.0");

        Assert.AreEqual(library, ProjectAssets.FindOnnxRuntime(Assets("CompressTool.Runtime/0.1.0"))?.Path);
    }

    [TestMethod]
    public void App_without_ONNX_Runtime_has_none()
    {
        Package("microsoft.ml.onnxruntime/1.20.1");

        Assert.IsNull(ProjectAssets.FindOnnxRuntime(Assets("YamlDotNet/16.3.0")));
        Assert.IsNull(ProjectAssets.FindOnnxRuntime(Assets("Microsoft.ML.OnnxRuntime/1.21.0"))); // Restored, but its files are gone
    }

    [TestMethod]
    public void Missing_or_broken_file_has_none()
    {
        Assert.IsNull(ProjectAssets.FindOnnxRuntime(_folder.File("missing.json")));
        foreach (var text in new[] { "", "{", "{}", "[]", """{"packageFolders":[],"libraries":{}}""", """{"packageFolders":{},"libraries":{"Microsoft.ML.OnnxRuntime/1.0.0":7}}""" })
        {
            Assert.IsNull(ProjectAssets.FindOnnxRuntime(_folder.Write("project.assets.json", text)));
        }
    }

    private string Package(string path)
    {
        var library = _folder.File("packages", path, "runtimes", NativeLibraryLocator.PortableRid, "native", NativeLibraryLocator.FileNames[0]);
        File.WriteAllText(library, "");
        return library;
    }

    private string Assets(params string[] packages) => _folder.Write("project.assets.json", JsonSerializer.Serialize(new
    {
        version = 3,
        libraries = packages.ToDictionary(package => package, package => new { type = "package", path = package.ToLowerInvariant() }),
        packageFolders = new Dictionary<string, object> { [_folder.File("fallback") + Path.DirectorySeparatorChar] = new { }, [_folder.File("packages") + Path.DirectorySeparatorChar] = new { } },
    }));
}
