using CompressTool.Onnx;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests.Runs;

/// <summary>Recipes whose model is a diffusers folder.</summary>
[TestClass]
public sealed class FolderModelTests
{
    private const string Stages = """
        stages:
          - prune: { structure: weights, criterion: magnitude, target: { sparsity: 50% } }
        gates:
          size: { max: 101% }
        """;

    [TestMethod]
    [DataRow("net")]
    [DataRow("net#unet")]
    public async Task The_folder_is_imported_once(string model)
    {
        using var folder = Create(model);

        var first = (await Run(folder)).Expect(0);
        var second = (await Run(folder)).Expect(0);

        Assert.Contains("importing UNet2DModel from " + model, first.Error);
        Assert.DoesNotContain("importing", second.Error);
        Assert.AreEqual("built", (string)first.Json["stages"]![0]!["status"]!);
        Assert.AreEqual("cached", (string)second.Json["stages"]![0]!["status"]!);
        using var result = Model.Load((string)first.Json["artifact"]!);
        using var weights = SafetensorsFile.Open(folder.File("net", "unet", "diffusion_pytorch_model.safetensors"));
        var kept = result.Graph.Initializers.Single(value => value.Name == "conv_out.weight").Initializer!.ToArray<float>();
        var dense = weights["conv_out.weight"].ToArray<float>();
        Assert.AreEqual(0.5, kept.Count(x => x == 0) / (double)kept.Length, 0.1);
        Assert.IsTrue(kept.Zip(dense).All(pair => pair.First == 0 || pair.First == pair.Second));
        var stored = (await ToolRunner.RunAsync("cache", "list", "--cache", folder.File("cache"), "--json")).Expect(0).Json;
        Assert.Contains("import", stored["artifacts"]!.AsArray().Select(artifact => (string)artifact!["kind"]!));
    }

    [TestMethod]
    public async Task Other_weights_are_another_model()
    {
        using var folder = Create("net");
        await Run(folder);
        var path = folder.File("net", "unet", "diffusion_pytorch_model.safetensors");
        var bytes = await File.ReadAllBytesAsync(path);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(path, bytes);

        var result = (await Run(folder)).Expect(0);

        Assert.Contains("importing", result.Error);
        Assert.AreEqual("built", (string)result.Json["stages"]![0]!["status"]!);
        Assert.AreEqual("input model changed", (string)result.Json["stages"]![0]!["reason"]!);
    }

    [TestMethod]
    public async Task Without_weights_the_seed_of_the_recipe_makes_them()
    {
        using var folder = Create("net");
        File.Delete(folder.File("net", "unet", "diffusion_pytorch_model.safetensors"));
        var zero = (await Run(folder)).Expect(0);
        folder.Write("shop.compress.yml", $"version: 1\nmodel: net\nseed: 5\n{Stages}\n");

        var five = (await Run(folder)).Expect(0);

        Assert.Contains("initialised at random", zero.Error);
        Assert.AreNotEqual((string)zero.Json["stages"]![0]!["key"]!, (string)five.Json["stages"]![0]!["key"]!);
    }

    [TestMethod]
    [DataRow("net#vae", "CMP8002", 2)]
    [DataRow("nothing", "CMP1101", 2)]
    [DataRow("net/unet/config", "CMP1101", 2)]
    public async Task Errors_have_their_place(string model, string code, int exitCode)
    {
        using var folder = Create(model);

        var result = await Run(folder);

        Assert.Contains($"shop.compress.yml(2,8): error {code}:", result.Error);
        result.Expect(code == "CMP8002" ? 1 : exitCode);
    }

    private static TempFolder Create(string model)
    {
        var folder = new TempFolder();
        folder.Write("app.csproj", "<Project />");
        folder.Write("net/model_index.json", """{"_class_name":"DDPMPipeline","unet":["diffusers","UNet2DModel"]}""");
        foreach (var file in Directory.GetFiles(Repository.Fixture("unet2d-cifarstyle", "unet")))
        {
            File.Copy(file, folder.File("net", "unet", Path.GetFileName(file)));
        }

        folder.Write("shop.compress.yml", $"version: 1\nmodel: {model}\n{Stages}\n");
        return folder;
    }

    private static Task<ToolResult> Run(TempFolder folder) =>
        ToolRunner.RunAsync("run", folder.File("shop.compress.yml"), "--output", folder.File("out"), "--cache", folder.File("cache"), "--json");
}
