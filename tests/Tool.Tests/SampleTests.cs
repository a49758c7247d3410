using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Tool.Tests.Infrastructure;
using CompressTool.Training.Expressions;

namespace CompressTool.Tool.Tests;

[TestClass]
public sealed class SampleTests
{
    private const string UNet = "unet2d/model_op17_dynbatch.onnx";

    [TestMethod]
    public async Task Grid_has_the_wanted_size_and_the_same_bytes_for_the_same_seed()
    {
        using var folder = new TempFolder();
        async Task<byte[]> Draw(string name, params string[] more)
        {
            (await ToolRunner.RunAsync(["sample", Repository.Fixture(UNet), "--sampler", "dpm++2m", "--steps", "2", "--grid", "3x2", "-o", folder.File(name), .. more])).Expect(0);
            return File.ReadAllBytes(folder.File(name));
        }

        var first = await Draw("a.png");
        Assert.AreSequenceEqual(first, await Draw(Path.Combine("new", "b.png"), "--seed", "0"));
        Assert.AreNotEqual(Convert.ToHexString(first), Convert.ToHexString(await Draw("c.png", "--seed", "1")));
        var grid = PictureFile.Read(folder.File("a.png"));
        Assert.AreEqual((3 * 34) + 2, grid.Width);
        Assert.AreEqual((2 * 34) + 2, grid.Height);
        Assert.AreEqual(3, grid.Channels);
    }

    [TestMethod]
    public async Task Result_says_what_was_done()
    {
        using var folder = new TempFolder();
        folder.Write("scheduler/scheduler_config.json", """{ "_class_name": "EulerDiscreteScheduler", "timestep_spacing": "trailing" }""");
        var model = folder.File("deep", "er", "unet.onnx");
        Directory.CreateDirectory(Path.GetDirectoryName(model)!);
        File.Copy(Repository.Fixture(UNet), model);

        var result = (await ToolRunner.RunAsync("sample", model, "--steps", "3", "--count", "2", "-o", folder.File("x.npy"), "--json")).Expect(0);

        Assert.AreEqual("EulerDiscreteScheduler", (string?)result.Json["scheduler"]);
        Assert.AreEqual(folder.File("scheduler", "scheduler_config.json"), (string?)result.Json["schedulerFile"]);
        Assert.AreEqual(3, (int?)result.Json["evaluations"]);
        Assert.AreEqual(2, (int?)result.Json["count"]);
        Assert.AreEqual("float32[2,3,32,32]", NpyFile.Read((string)result.Json["file"]!).ToString());
    }

    [TestMethod]
    public async Task Without_a_schedule_the_default_is_told()
    {
        using var folder = new TempFolder();
        var model = folder.File("a", "b", "c", "unet.onnx");
        Directory.CreateDirectory(Path.GetDirectoryName(model)!);
        File.Copy(Repository.Fixture(UNet), model);

        var result = (await ToolRunner.RunAsync("sample", model, "--sampler", "ddim", "--steps", "2", "--count", "1", "-o", folder.File("x.safetensors"))).Expect(0);

        Assert.Contains("betas on a line from 0.0001 to 0.02, a model that predicts the noise (--scheduler)", result.Error);
        Assert.Contains("1 sample of 3 x 32 x 32", result.Output);
        using var file = SafetensorsFile.Open(folder.File("x.safetensors"));
        Assert.AreEqual("float32[1,3,32,32]", file["samples"].ToString());
    }

    [TestMethod]
    public async Task Classes_take_turns_and_are_guided_to()
    {
        // A model whose prediction of the clean sample is its class, as an embedding; the last one stands for no class.
        using var folder = new TempFolder();
        folder.Write("scheduler_config.json", """{ "_class_name": "DDIMScheduler", "prediction_type": "sample", "clip_sample": false }""");
        WriteClasses(folder.File("classes.onnx"), [0, 1, 2, 7]);
        async Task<float[]> Draw(params string[] args)
        {
            (await ToolRunner.RunAsync(["sample", folder.File("classes.onnx"), "--steps", "2", "-o", folder.File("x.npy"), .. args])).Expect(0);
            return NpyFile.Read(folder.File("x.npy")).ToFloats();
        }

        Assert.AreSequenceEqual([2f, 0, 1, 2], Rounded(await Draw("--count", "4", "--class", "2,0-1")));
        Assert.AreSequenceEqual([0f, 1, 2, 7], Rounded(await Draw("--count", "4", "--class", "all")));
        Assert.AreSequenceEqual([0f, 1, 2, 7], Rounded(await Draw("--count", "4")), "all is the default");
        Assert.AreSequenceEqual([-7f, -5, -3, -7], Rounded(await Draw("--count", "4", "--class", "all", "--guidance", "2")));
        Assert.AreSequenceEqual([4f], Rounded(await Draw("--count", "1", "--class", "2", "--guidance", "2", "--null-class", "0")));

        static float[] Rounded(float[] values) => Array.ConvertAll(values, value => MathF.Round(value, 3));
    }

    [TestMethod]
    public async Task Latents_become_images()
    {
        using var folder = new TempFolder();
        folder.Write("scheduler_config.json", """{ "_class_name": "DDIMScheduler", "prediction_type": "sample", "clip_sample": false }""");
        var latent = NpyFile.Read(Repository.Fixture("autoencoder-kl/io/latent.npy"));
        WriteConstant(folder.File("latents.onnx"), latent, 0.18215f);

        (await ToolRunner.RunAsync("sample", folder.File("latents.onnx"), "--steps", "2", "--count", "2", "--decoder", Repository.Fixture("autoencoder-kl/decoder_op17.onnx"), "-o", folder.File("x.npy"))).Expect(0);

        float[] expected = NpyFile.Read(Repository.Fixture("autoencoder-kl/io/out_sample.npy")).ToFloats(), actual = NpyFile.Read(folder.File("x.npy")).ToFloats();
        Assert.IsLessThan(1e-3, expected.Zip(actual).Max(pair => Math.Abs(pair.First - pair.Second)));

        var refused = (await ToolRunner.RunAsync("sample", folder.File("latents.onnx"), "--steps", "2", "--count", "2", "-o", folder.File("x.png"))).Expect(2);
        Assert.Contains("--decoder", refused.Error);
    }

    [TestMethod]
    [DataRow("", "CMP6003", "--output")]
    [DataRow("-o x.jpg", "CMP6004", "must end with .png")]
    [DataRow("-o x.png --grid 8", "CMP6004", "'--grid 8' is not two numbers")]
    [DataRow("-o x.png --sampler dpm", "CMP8103", "there is no sampler 'dpm'")]
    [DataRow("-o x.png --steps 0", "CMP6004", "'0' is not a positive whole number")]
    [DataRow("-o x.png --sampler ddim --steps 2000", "CMP8103", "2000 steps are not possible")]
    [DataRow("-o x.png --class 1", "CMP8105", "takes no classes")]
    [DataRow("-o x.png --class one", "CMP6004", "write numbers and ranges")]
    [DataRow("-o x.png --class all", "CMP6004", "cannot be seen")]
    [DataRow("-o x.png --class 5-2", "CMP6004", "ends before it begins")]
    [DataRow("-o x.png --guidance 3", "CMP6004", "the model has none")]
    [DataRow("-o x.png --size 16x16", "CMP8103", "cannot be 16")]
    [DataRow("-o x.png --scheduler missing.json", "CMP8101", "cannot be read")]
    [DataRow("-o x.png --input text", "CMP6004", "write name=file.npy")]
    public async Task Mistakes_are_named(string arguments, string code, string message)
    {
        using var folder = new TempFolder();
        var result = (await ToolRunner.RunAsync(["sample", Repository.Fixture(UNet), .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(arg => arg is "x.png" or "x.jpg" ? folder.File(arg) : arg), "--json"])).Expect(2);
        var error = result.Json["errors"]![0]!;
        Assert.AreEqual(code, (string?)error["code"]);
        Assert.Contains(message, (string)error["message"]!);
        Assert.IsEmpty(Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public async Task Trained_model_gives_the_images_of_diffusers()
    {
        if (Repository.Oracle("fashion-ddpm") is not { } model)
        {
            Assert.Inconclusive("The oracles are not here.");
            return;
        }

        using var folder = new TempFolder();
        (await ToolRunner.RunAsync("sample", model, "--sampler", "ddim", "--steps", "10", "--count", "4", "--start", Path.Combine(model, "io", "ddim_xT.npy"), "-o", folder.File("x.npy"))).Expect(0);
        float[] expected = NpyFile.Read(Path.Combine(model, "io", "ddim10_x0.npy")).ToFloats(), actual = NpyFile.Read(folder.File("x.npy")).ToFloats();
        Assert.IsLessThan(1e-4, expected.Zip(actual).Max(pair => Math.Abs(pair.First - pair.Second)));
    }

    private static void WriteClasses(string path, float[] embeddings)
    {
        using var model = NewModel();
        var builder = new GraphBuilder(model);
        var sample = builder.Input("sample", DataType.Float, new Shape(new Dim("batch"), 1, 1, 1));
        var timestep = builder.Input("timestep", DataType.Int64, new Shape(new Dim("batch")));
        var labels = builder.Input("class_labels", DataType.Int64, new Shape(new Dim("batch")));
        var table = builder.Initializer(model.Graph.AddInitializer("classes", Tensor.Floats([embeddings.Length, 1], embeddings)));
        var classes = builder.Node("Gather", [table, labels]).View(-1, 1, 1, 1);
        builder.AddOutput("out_sample", classes + (0 * sample) + (0 * timestep.Cast(DataType.Float).View(-1, 1, 1, 1)));
        model.Save(path);
    }

    private static void WriteConstant(string path, Tensor latent, float scale)
    {
        using var model = NewModel();
        var builder = new GraphBuilder(model);
        var sample = builder.Input("sample", DataType.Float, latent.Dims);
        var timestep = builder.Input("timestep", DataType.Float);
        builder.AddOutput("out_sample", (scale * builder.Constant(Tensor.Floats(latent.Dims, latent.ToFloats()))) + (0 * sample) + (0 * timestep));
        model.Save(path);
    }

    private static Model NewModel()
    {
        var model = new Model { IrVersion = 8 };
        model.OpsetImports[""] = 17;
        model.Graph.Name = "main";
        return model;
    }
}
