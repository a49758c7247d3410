using CompressTool.Onnx;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests;

[TestClass]
public sealed class ImportTests
{
    private static readonly string s_folder = Repository.Fixture("unet2d-cifarstyle", "unet");

    [TestMethod]
    public async Task A_folder_becomes_a_model_with_its_weights()
    {
        using var temp = new TempFolder();

        var result = (await ToolRunner.RunAsync("import", s_folder, "-o", temp.File("unet.onnx"), "--json")).Expect(0);

        Assert.AreEqual("UNet2DModel", (string)result.Json["class"]!);
        Assert.AreEqual(177427, (long)result.Json["parameters"]!);
        Assert.AreEqual("checkpoint", (string)result.Json["initialized"]!);
        Assert.AreEqual("", result.Error);
        using var weights = SafetensorsFile.Open(Path.Combine(s_folder, "diffusion_pytorch_model.safetensors"));
        using var model = Model.Load(temp.File("unet.onnx"));
        foreach (var value in model.Graph.Initializers)
        {
            Assert.AreSequenceEqual(weights[value.Name].ToArray<float>(), value.Initializer!.ToArray<float>(), value.Name);
        }
    }

    [TestMethod]
    public async Task A_configuration_alone_becomes_a_model_to_train()
    {
        using var temp = new TempFolder();
        File.Copy(Path.Combine(s_folder, "config.json"), temp.File("net", "config.json"));

        var result = (await ToolRunner.RunAsync("import", temp.File("net"), "-o", temp.File("net.onnx"))).Expect(0);
        await ToolRunner.RunAsync("import", s_folder, "-o", temp.File("same.onnx"), "--init-seed", "0");

        Assert.Contains("initialised at random with seed 0", result.Error);
        Assert.Contains("177,427 parameters, initialised at random", result.Output);
        Assert.AreSequenceEqual(File.ReadAllBytes(temp.File("net.onnx")), File.ReadAllBytes(temp.File("same.onnx")));
    }

    [TestMethod]
    public async Task Height_and_width_can_be_fixed()
    {
        using var temp = new TempFolder();

        (await ToolRunner.RunAsync("import", s_folder, "-o", temp.File("unet.onnx"), "--size", "24x16")).Expect(0);
        var refused = (await ToolRunner.RunAsync("import", s_folder, "-o", temp.File("unet.onnx"), "--size", "24")).Expect(2);

        using var model = Model.Load(temp.File("unet.onnx"));
        Assert.AreEqual("[batch,3,24,16]", model.Graph.Inputs[0].Shape!.ToString());
        Assert.Contains("--size 64x64", refused.Error);
    }

    [TestMethod]
    public async Task A_model_becomes_a_folder_again()
    {
        using var temp = new TempFolder();
        (await ToolRunner.RunAsync("import", s_folder, "-o", temp.File("unet.onnx"))).Expect(0);

        var result = (await ToolRunner.RunAsync("export", temp.File("unet.onnx"), "-o", temp.File("out"), "--json")).Expect(0);
        var refused = (await ToolRunner.RunAsync("export", Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"), "-o", temp.File("other"))).Expect(2);

        Assert.AreEqual(177427, (long)result.Json["parameters"]!);
        Assert.AreEqual(0, result.Json["changes"]!.AsObject().Count);
        Assert.AreEqual(File.ReadAllText(Path.Combine(s_folder, "config.json")).Trim(), File.ReadAllText(temp.File("out", "config.json")).Trim());
        Assert.IsTrue(File.Exists(temp.File("out", "diffusion_pytorch_model.safetensors")));
        Assert.Contains("CMP8011", refused.Error);
        Assert.IsFalse(Directory.Exists(Path.Combine(temp.Path, "other")));
    }

    [TestMethod]
    public async Task Mistakes_are_usage_errors()
    {
        using var temp = new TempFolder();

        var missing = (await ToolRunner.RunAsync("import", temp.File("none"))).Expect(2);
        var component = (await ToolRunner.RunAsync("import", s_folder, "--component", "vae", "-o", temp.File("vae.onnx"))).Expect(2);

        Assert.Contains("CMP2001", missing.Error);
        Assert.Contains("CMP8002", component.Error);
        Assert.IsFalse(File.Exists(temp.File("vae.onnx")));
    }
}
