using CompressTool.Onnx;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests.Runs;

/// <summary>Recipes that make a folder for diffusers beside the model.</summary>
[TestClass]
public sealed class DiffusersOutputTests
{
    private const string Prune = "prune: { structure: weights, criterion: magnitude, target: { sparsity: 50% } }", Weights = "diffusion_pytorch_model.safetensors";

    [TestMethod]
    public async Task Folder_holds_the_weights_of_the_model()
    {
        using var folder = Create(Prune, "diffusers");
        (await Run(folder)).Expect(0);

        Assert.AreSequenceEqual(["compress.json", "config.json", Weights], Names(folder.File("out", "shop")));
        Assert.IsTrue(File.Exists(folder.File("out", "shop.onnx")) && File.Exists(folder.File("out", "shop.json")));
        using var model = Model.Load(folder.File("out", "shop.onnx"));
        using (var weights = SafetensorsFile.Open(folder.File("out", "shop", Weights)))
        {
            foreach (var value in model.Graph.Initializers.Where(value => value.Name.EndsWith(".weight", StringComparison.Ordinal)))
            {
                Assert.AreSequenceEqual(value.Initializer!.ToFloats(), weights[value.Name].ToFloats());
            }
        }

        // As a model again, it is that model: the same folder comes out.
        (await ToolRunner.RunAsync("import", folder.File("out", "shop"), "-o", folder.File("again.onnx"))).Expect(0);
        (await ToolRunner.RunAsync("export", folder.File("again.onnx"), "-o", folder.File("same"))).Expect(0);
        Assert.AreSequenceEqual(File.ReadAllBytes(folder.File("out", "shop", Weights)), File.ReadAllBytes(folder.File("same", Weights)));
    }

    [TestMethod]
    public async Task Folder_is_written_when_it_is_out_of_date()
    {
        using var folder = Create(Prune, "diffusers");
        (await Run(folder)).Expect(0);
        var path = folder.File("out", "shop", Weights);
        var (bytes, old) = (File.ReadAllBytes(path), new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        File.SetLastWriteTimeUtc(path, old);
        folder.Write("out/shop/README.md", "mine");

        (await Run(folder)).Expect(0);
        Assert.AreEqual(old, File.GetLastWriteTimeUtc(path));

        // As a run that was killed in the middle leaves it.
        folder.Write("out/shop/compress.json", "{}\n");
        File.WriteAllText(path, "half");
        (await Run(folder)).Expect(0);
        Assert.AreSequenceEqual(bytes, File.ReadAllBytes(path));

        folder.Write("shop.compress.yml", Recipe(Prune.Replace("50%", "25%"), "diffusers"));
        (await Run(folder)).Expect(0);
        Assert.IsFalse(bytes.SequenceEqual(File.ReadAllBytes(path)));
        Assert.AreEqual("mine", File.ReadAllText(folder.File("out", "shop", "README.md")));
    }

    [TestMethod]
    public async Task Folders_of_others_are_left_alone()
    {
        using var folder = Create(Prune, "diffusers");
        folder.Write("out/shop/config.json", "{}");
        var result = await Run(folder);
        Assert.Contains("shop.compress.yml(5,12): error CMP3105: the folder", result.Error);
        Assert.Contains("is not from a recipe", result.Error);
        Assert.AreEqual("{}", File.ReadAllText(folder.File("out", "shop", "config.json")));
    }

    [TestMethod]
    public async Task What_diffusers_has_no_words_for_is_refused()
    {
        using var folder = Create("quantize: { scheme: fp16 }", "diffusers");
        var result = await Run(folder);
        Assert.Contains("shop.compress.yml(5,12): error CMP8011:", result.Error);
        Assert.IsFalse(Directory.Exists(Path.Combine(folder.Path, "out", "shop")));
    }

    [TestMethod]
    public async Task Models_from_elsewhere_are_refused_before_the_work()
    {
        using var folder = Create(Prune, "diffusers");
        File.Copy(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"), folder.File("net.onnx"));
        folder.Write("shop.compress.yml", Recipe(Prune, "diffusers").Replace("model: net", "model: net.onnx"));
        var result = await Run(folder);
        Assert.Contains("shop.compress.yml(5,12): error CMP8011:", result.Error);
        Assert.IsFalse(Directory.Exists(folder.File("out")));
    }

    [TestMethod]
    public async Task Build_keeps_the_folders_that_the_recipe_names()
    {
        using var folder = Create(Prune, "diffusers");
        string[] Artifacts() => [.. Directory.GetFileSystemEntries(folder.File("obj", "artifacts")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        async Task Build()
        {
            (await ToolRunner.RunAsync("msbuild", "plan", "--recipe", folder.File("shop.compress.yml"), "--folder", folder.File("obj"), "--root-namespace", "App", "--class-name", "Shop", "--model-folder", "models", "--cache", folder.File("cache"))).Expect(0);
            (await ToolRunner.RunAsync("msbuild", "stage", "--folder", folder.File("obj"), "--stage", "01-prune")).Expect(0);
            (await ToolRunner.RunAsync("msbuild", "finish", "--folder", folder.File("obj"))).Expect(0);
        }

        await Build();
        Assert.AreSequenceEqual(["shop", "shop.json", "shop.onnx"], Artifacts());
        Assert.Contains("artifacts/shop/config.json", File.ReadAllText(Directory.GetFiles(folder.File("obj"), "*.proj").Single()));
        folder.Write("shop.compress.yml", Recipe(Prune, "diffusers, name: other"));
        await Build();
        Assert.AreSequenceEqual(["other", "shop.json", "shop.onnx"], Artifacts());
    }

    private static string Recipe(string stage, string output) => $"version: 1\nmodel: net\nstages:\n  - {stage}\noutputs: [ {{ format: {output} }} ]\n";

    private static TempFolder Create(string stage, string output)
    {
        var folder = new TempFolder();
        folder.Write("app.csproj", "<Project />");
        foreach (var file in Directory.GetFiles(Repository.Fixture("unet2d-cifarstyle", "unet")))
        {
            File.Copy(file, folder.File("net", Path.GetFileName(file)));
        }

        folder.Write("shop.compress.yml", Recipe(stage, output));
        return folder;
    }

    private static string[] Names(string folder) => [.. Directory.GetFiles(folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    private static Task<ToolResult> Run(TempFolder folder) =>
        ToolRunner.RunAsync("run", folder.File("shop.compress.yml"), "--output", folder.File("out"), "--cache", folder.File("cache"));
}
