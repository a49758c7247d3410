namespace CompressTool.Integration.Tests;

[TestClass]
[TestCategory("Integration")]
public sealed class TemplateTests
{
    [TestMethod]
    [DataRow("fp16")]
    [DataRow("sparse")]
    [DataRow("int8")]
    public void A_new_app_builds_and_runs_its_compressed_model(string method)
    {
        using var folder = Installed();
        folder.Run("new", "compress-app", "--name", "Acme.Decoder-One", "--method", method, "--skipRestore", "--debug:custom-hive", Hive(folder)).Succeeded();

        folder.Build("Acme.Decoder-One");

        var run = folder.Run("exec", "Acme.Decoder-One/bin/Debug/net10.0/Acme.Decoder-One.dll").Succeeded();
        Assert.Contains("parameters", run.Output);
        Assert.Contains("decoded", run.Output);
        folder.Question("Acme.Decoder-One").Succeeded();
    }

    [TestMethod]
    public void A_new_recipe_is_named_after_its_file_and_passes_planning()
    {
        using var folder = Installed();
        File.Copy(Repository.Fixture("autoencoder-kl", "decoder_op17.onnx"), folder.PathOf("decoder.onnx"));
        Packages.InstallTool(folder);

        foreach (var method in (string[])["fp16", "channels", "weights", "n-m", "int8-weights", "int4", "int8-dynamic"])
        {
            folder.Run("new", "compress-recipe", "--name", method, "--model", "decoder.onnx", "--method", method, "--debug:custom-hive", Hive(folder)).Succeeded();
            folder.Run("compress", "plan", $"{method}.compress.yml").Succeeded();
        }
    }

    /// <summary>A folder whose templates are installed where no other test and no user sees them.</summary>
    private static ProjectFolder Installed()
    {
        var folder = Packages.NewFolder();
        folder.Run("new", "install", Path.Combine(Packages.Feed, $"CompressTool.Templates.{Packages.Version}.nupkg"), "--debug:custom-hive", Hive(folder)).Succeeded();
        return folder;
    }

    private static string Hive(ProjectFolder folder) => folder.PathOf("../hive");
}
