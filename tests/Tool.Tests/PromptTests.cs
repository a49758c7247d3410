using CompressTool.Diffusion.Import;
using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests;

/// <summary>Samples of whole pipelines of random weights: prompt, text encoder, U-Net, autoencoder, picture.</summary>
[TestClass]
public sealed class PromptTests
{
    private const string Scheduler = """{ "_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1 }""";

    private const string UNet = """
        "_class_name": "UNet2DConditionModel", "sample_size": 8, "in_channels": 2, "out_channels": 2, "block_out_channels": [4, 8], "norm_num_groups": 2, "layers_per_block": 1,
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "attention_head_dim": 2
        """;

    [TestMethod]
    public async Task Prompt_makes_a_picture()
    {
        using var folder = new TempFolder();
        var pipeline = Pipeline(folder, large: false);
        var picture = folder.File("out.png");

        var result = (await Sample(folder, pipeline, "--prompt", TextPipeline.Prompt, "--seed", "0", "-o", picture, "--json")).Expect(0);

        Assert.AreEqual((16, 16, 3), (PictureFile.Read(picture).Width, PictureFile.Read(picture).Height, PictureFile.Read(picture).Channels));
        Assert.AreEqual(1, (int?)result.Json["count"]);
        Assert.AreEqual(7.5, (double?)result.Json["guidance"]);
        Assert.AreEqual(TextPipeline.Prompt, (string?)result.Json["prompts"]![0]);
        Assert.AreEqual("DDIMScheduler", (string?)result.Json["scheduler"]);
        var first = File.ReadAllBytes(picture);
        (await Sample(folder, pipeline, "--prompt", TextPipeline.Prompt, "--seed", "0", "-o", picture)).Expect(0);
        Assert.AreSequenceEqual(first, File.ReadAllBytes(picture));
        (await Sample(folder, pipeline, "--prompt", "red", "--seed", "0", "-o", picture)).Expect(0);
        Assert.AreNotEqual(Convert.ToHexString(first), Convert.ToHexString(File.ReadAllBytes(picture)));

        (await Sample(folder, pipeline, "--prompt", "red", "--height", "16", "--width", "24", "-o", picture)).Expect(0);
        Assert.AreEqual((24, 16), (PictureFile.Read(picture).Width, PictureFile.Read(picture).Height));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public async Task Samples_are_those_of_the_embeddings_that_PyTorch_computed(bool large)
    {
        using var folder = new TempFolder();
        var pipeline = Pipeline(folder, large);
        var (hidden, empty) = Hidden(large);
        List<string> inputs = ["--input", $"encoder_hidden_states={Npy("hidden", hidden, 1, 9, hidden.Length / 9)}"], without = ["--null-input", $"encoder_hidden_states={Npy("empty", empty, 1, 9, empty.Length / 9)}"];
        if (large)
        {
            var pooled = Row("clip-projection", "text_embeds");
            inputs.AddRange(["--input", $"text_embeds={Npy("pooled", pooled, 1, pooled.Length)}", "--input", $"time_ids={Npy("sizes", [16, 16, 0, 0, 16, 16], 1, 6)}"]);
            without.AddRange(["--null-input", $"text_embeds={Npy("zeros", new float[pooled.Length], 1, pooled.Length)}"]);
        }

        var expected = await Draw([.. inputs, .. without, "--guidance", large ? "5" : "7.5", "--count", "2"]);
        AssertClose(expected, await Draw(["--prompt", TextPipeline.Prompt, "--count", "2"]));
        AssertClose(expected, await Draw(["--prompt", TextPipeline.Prompt, "--prompt", TextPipeline.Prompt]));

        var unguided = await Draw([.. inputs, "--count", "1"]);
        AssertClose(unguided, await Draw(["--prompt", TextPipeline.Prompt, "--guidance", "1"]));
        AssertClose(unguided, await Draw(["--prompt", TextPipeline.Prompt, "--guidance", "0"]));
        Assert.IsGreaterThan(1e-2, Difference(unguided, expected[..unguided.Length]));

        async Task<float[]> Draw(IEnumerable<string> arguments)
        {
            (await Sample(folder, pipeline, [.. arguments, "-o", folder.File("x.npy")])).Expect(0);
            return NpyFile.Read(folder.File("x.npy")).ToFloats();
        }

        string Npy(string name, float[] values, params long[] dims)
        {
            NpyFile.Write(folder.File(name + ".npy"), Tensor.Floats(dims, values));
            return folder.File(name + ".npy");
        }
    }

    [TestMethod]
    public async Task Onnx_file_takes_the_rest_from_its_pipeline()
    {
        using var folder = new TempFolder();
        var pipeline = Pipeline(folder, large: false);
        (await ToolRunner.RunAsync("import", pipeline, "--component", "unet", "-o", folder.File("elsewhere", "unet.onnx"))).Expect(0);
        async Task<byte[]> Draw(string model, params string[] more)
        {
            (await Sample(folder, model, ["--prompt", TextPipeline.Prompt, "--negative-prompt", "red", "-o", folder.File("x.png"), .. more])).Expect(0);
            return File.ReadAllBytes(folder.File("x.png"));
        }

        // Also with timesteps between whole ones, which the file's input does not take as it is.
        Assert.AreSequenceEqual(await Draw(pipeline), await Draw(folder.File("elsewhere", "unet.onnx"), "--pipeline", pipeline));
        Assert.AreSequenceEqual(await Draw(pipeline, "--sampler", "euler-karras"), await Draw(folder.File("elsewhere", "unet.onnx"), "--pipeline", pipeline, "--sampler", "euler-karras"));
    }

    [TestMethod]
    public async Task Embeddings_are_kept_in_the_store()
    {
        using var folder = new TempFolder();
        var pipeline = Pipeline(folder, large: true);
        string[] arguments = ["--prompt", "red", "--prompt", TextPipeline.Prompt, "-o"];
        await Task.WhenAll(Enumerable.Range(0, 2).Select(async index => (await Sample(folder, pipeline, [.. arguments, folder.File($"{index}.npy")])).Expect(0)));
        Assert.AreEqual(4, await Kept());
        Assert.AreSequenceEqual(File.ReadAllBytes(folder.File("0.npy")), File.ReadAllBytes(folder.File("1.npy")));
        (await Sample(folder, pipeline, [.. arguments, folder.File("2.npy")])).Expect(0);
        Assert.AreEqual(4, await Kept());
        Assert.AreSequenceEqual(File.ReadAllBytes(folder.File("0.npy")), File.ReadAllBytes(folder.File("2.npy")));
        (await Sample(folder, pipeline, [.. arguments, folder.File("2.npy"), "--clip-skip", "1"])).Expect(0);
        Assert.AreEqual(8, await Kept());

        async Task<int> Kept()
        {
            var artifacts = (await ToolRunner.RunAsync("cache", "list", "--cache", folder.File("store"), "--json")).Expect(0).Json["artifacts"]!.AsArray();
            Assert.IsTrue(artifacts.All(artifact => (string?)artifact!["kind"] == "prompt-embedding"));
            (await ToolRunner.RunAsync("cache", "verify", "--cache", folder.File("store"))).Expect(0);
            return artifacts.Count;
        }
    }

    [TestMethod]
    [DataRow("--negative-prompt red", "CMP6003", "'--negative-prompt' is about a prompt")]
    [DataRow("--clip-skip 1", "CMP6003", "'--clip-skip' is about a prompt")]
    [DataRow("--prompt red --clip-skip 2", "CMP8005", "2 layers, of which 2 cannot be left out")]
    [DataRow("--prompt red --pipeline missing", "CMP2001", "'missing' does not exist")]
    [DataRow("--prompt red --size 8x8 --width 16", "CMP6006", "exclude each other")]
    [DataRow("--prompt red --width 17", "CMP6004", "'--width 17' is not possible: the decoder makes images whose width is a multiple of 2")]
    public async Task Mistakes_are_named(string arguments, string code, string message)
    {
        using var folder = new TempFolder();
        var result = (await Sample(folder, Pipeline(folder, large: false), [.. arguments.Split(' '), "-o", folder.File("x.png"), "--json"])).Expect(2);
        Assert.AreEqual(code, (string?)result.Json["errors"]![0]!["code"]);
        Assert.Contains(message, (string)result.Json["errors"]![0]!["message"]!);
        Assert.IsFalse(File.Exists(folder.File("x.png")));
    }

    [TestMethod]
    public async Task Model_without_a_text_encoder_takes_no_prompts()
    {
        using var folder = new TempFolder();
        var result = (await Sample(folder, Repository.Fixture("unet2d", "model_op17_dynbatch.onnx"), "--prompt", "red", "-o", folder.File("x.png"), "--json")).Expect(2);
        Assert.Contains("name it with --pipeline", (string)result.Json["errors"]![0]!["message"]!);
    }

    private static Task<ToolResult> Sample(TempFolder folder, string model, params string[] arguments) =>
        ToolRunner.RunAsync(["sample", model, "--steps", "3", "--cache", folder.File("store"), .. arguments]);

    private static string Pipeline(TempFolder folder, bool large)
    {
        using var part = new TempFolder();
        TextPipeline.Write(part, large);
        foreach (var file in Directory.GetFiles(part.Path, "*", SearchOption.AllDirectories))
        {
            File.Copy(file, folder.File("pipeline", Path.GetRelativePath(part.Path, file)));
        }

        foreach (var file in new[] { "config.json", "diffusion_pytorch_model.safetensors" })
        {
            File.Copy(Repository.Fixture("import", "autoencoder", file), folder.File("pipeline", "vae", file));
        }

        folder.Write("pipeline/model_index.json", """{ "_class_name": "StableDiffusionPipeline" }""");
        folder.Write("pipeline/scheduler/scheduler_config.json", Scheduler);
        folder.Write("pipeline/unet/config.json", large
            ? $$"""{ {{UNet}}, "cross_attention_dim": 32, "addition_embed_type": "text_time", "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 60 }"""
            : $$"""{ {{UNet}}, "cross_attention_dim": 16 }""");
        return folder.File("pipeline");
    }

    /// <summary>The embedding of the prompt as PyTorch computed it, and that of no prompt: zeros, or the encoder's output for the empty one.</summary>
    private static (float[] Hidden, float[] Empty) Hidden(bool large)
    {
        if (large)
        {
            var both = Row("clip-text", "penultimate_hidden_state").Chunk(16).Zip(Row("clip-projection", "penultimate_hidden_state").Chunk(16)).SelectMany(pair => pair.First.Concat(pair.Second)).ToArray();
            return (both, new float[both.Length]);
        }

        using var model = DiffusersImporter.Import(DiffusersComponent.Find(Repository.Fixture("import", "clip-text")));
        using var function = new OnnxRuntimeEngine().Compile(model);
        var ids = NdArray.Create<long>([37, 39, 1, 1, 1, 1, 1, 1, 1], 1, 9);
        return (Row("clip-text", "last_hidden_state"), function.Run(new Dictionary<string, NdArray> { ["input_ids"] = ids })["last_hidden_state"].AsSpan<float>().ToArray());
    }

    private static float[] Row(string fixture, string output)
    {
        var values = NpyFile.Read(Repository.Fixture("import", fixture, "io", output + ".npy")).ToFloats();
        return values[..(values.Length / 2)];
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        Assert.IsLessThan(1e-3, Difference(expected, actual));
    }

    private static double Difference(float[] first, float[] second) => first.Zip(second).Max(pair => Math.Abs(pair.First - pair.Second));
}
