using System.Text.Json;

namespace CompressTool.Integration.Tests;

[TestClass]
[TestCategory("Integration")]
public sealed class ToolPackageTests
{
    [TestMethod]
    public void The_installed_tool_finds_its_native_library_and_compresses_a_model()
    {
        using var folder = Packages.NewFolder();
        File.Copy(Repository.Fixture("autoencoder-kl", "decoder_op17.onnx"), folder.PathOf("decoder.onnx"));
        folder.Write("shop.compress.yml", "version: 1\nmodel: decoder.onnx\nstages:\n  - quantize: { scheme: fp16 }\ngates:\n  psnr: { min: 30 }\n");
        Packages.InstallTool(folder);

        // As the user types it: the SDK finds the command dotnet-compress in the manifest.
        using var info = JsonDocument.Parse(folder.Run("compress", "info", "--json").Succeeded().Output);
        Assert.IsGreaterThanOrEqualTo(1, info.RootElement.GetProperty("schemaVersion").GetInt32());
        folder.Run("compress", "run", "shop.compress.yml", "--output", "out").Succeeded();
        Assert.IsTrue(folder.Exists("out/shop.onnx"));
        Assert.IsTrue(folder.Exists("out/shop.json"));
    }
}
