using System.Globalization;
using CompressTool.Diffusion.Import;
using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Benchmarks;

/// <summary>Graphs that are built from diffusers folders against the exporter's graphs of the same models, in the same runtime.</summary>
internal sealed class ImportBenchmark : IBenchmark
{
    private const double Aim = 1, Noise = 0.03;
    private const long PromptTokens = 77;

    /// <summary>Short runs are repeated so long, to be told from the clock's own noise.</summary>
    private const double SecondsOfAPart = 0.2;

    private static readonly (string Folder, string? Part, string Exported, int Runs)[] s_cases =
    [
        ("unet2d", null, "model_op17_dynbatch.onnx", 31),
        ("unet2d-cifarstyle", null, "model_op14.onnx", 31),
        ("fashion-ddpm", null, "model_op17.onnx", 31),
        ("unet2d-cond", null, "model_op17.onnx", 31),
        ("dit", null, "model_op17_dynbatch.onnx", 31),
        ("autoencoder-kl", "encoder", "encoder_op17.onnx", 31),
        ("autoencoder-kl", "decoder", "decoder_op17.onnx", 31),
    ];

    public string Name => "import";

    public string Description => "time of a run of imported models over that of the exporter's graphs.";

    public void Run(BenchmarkContext context)
    {
        foreach (var (folder, part, exported, runs) in s_cases)
        {
            using var model = DiffusersImporter.Import(DiffusersComponent.Find(Checkpoint(folder), part));
            using var function = new OnnxRuntimeEngine().Compile(model);
            Compare(context, part is null ? folder : $"{folder} {part}", function, Oracles.Find(folder, exported), input => NdArray.From(NpyFile.Read(Oracles.Find(folder, "io", input.Name + ".npy"))), runs);
        }

        CompareLarge(context, "google/ddpm-cifar10-32, random weights", LargeModel.Cifar, "ddpm-cifar10-32-unet", side: 32, runs: 11);
        CompareLarge(context, "Stable Diffusion 1.5, random weights", LargeModel.StableDiffusion, "sd15-unet", side: 64, runs: 3);
    }

    /// <summary>Models of which only the architecture is at hand: weights and inputs are random.</summary>
    private static void CompareLarge(BenchmarkContext context, string name, string exported, string config, int side, int runs)
    {
        var folder = Directory.CreateDirectory(context.File(config)).FullName;
        var path = LargeModel.Create(folder, exported);
        File.Copy(Path.Combine(Program.RepositoryRoot, "tests", "fixtures", "configs", config + ".json"), Path.Combine(folder, "config.json"));
        using var model = DiffusersImporter.Import(DiffusersComponent.Find(folder), new ImportOptions { Size = new ImageSize(side, side) });
        using var imported = new OnnxRuntimeEngine().Compile(model);
        // The exporter may leave open what the imported graph fixes.
        using var graph = Model.Load(path, new LoadOptions { AllowMissingWeights = true });
        var drawn = graph.Graph.Inputs.Where(input => input.Initializer is null).Zip(imported.Inputs).ToDictionary(pair => pair.First.Name, pair => Draw(pair.Second));
        Compare(context, name, imported, path, input => drawn[input.Name], runs);
    }

    private static NdArray Draw(FunctionValue input)
    {
        long[] dims = [.. input.Type.Shape!.Select(dim => dim.Value ?? (dim.Symbol == "sequence" ? PromptTokens : 1))];
        using var array = new NativeArray(input.Type.ElementType, dims);
        if (input.Type.ElementType == DataType.Float)
        {
            new TorchGenerator(0).FillNormal(array.AsSpan<float>());
        }

        return array.ToNdArray();
    }

    /// <summary>The pipeline, or the model alone in it.</summary>
    private static string Checkpoint(string folder) =>
        new[] { Oracles.Find(folder), Path.Combine(Oracles.Find(folder), "unet") }.First(path => File.Exists(Path.Combine(path, "model_index.json")) || File.Exists(Path.Combine(path, "config.json")));

    private static void Compare(BenchmarkContext context, string name, ICompiledFunction imported, string exportedPath, Func<FunctionValue, NdArray> read, int runs)
    {
        using var exported = new OnnxRuntimeEngine().Compile(exportedPath);
        var theirFeeds = exported.Inputs.ToDictionary(input => input.Name, read);
        // Inputs come in the same order; the exporter's names may be others.
        var ourFeeds = imported.Inputs.Zip(exported.Inputs).ToDictionary(pair => pair.First.Name, pair => theirFeeds[pair.Second.Name]);
        var repeats = (int)Math.Clamp(SecondsOfAPart / Measure.Median(3, () => imported.Run(ourFeeds)), 1, 100);
        var times = Measure.InTurns(runs, () => Repeat(imported, ourFeeds, repeats), () => Repeat(exported, theirFeeds, repeats));
        var ratio = times[0].Median / times[1].Median;
        context.Judge(name, $"{(times[0].Median / repeats * 1000).ToString("0.00", CultureInfo.InvariantCulture)} ms, ratio {ratio.ToString("0.000", CultureInfo.InvariantCulture)}", ratio <= Aim + Noise, "at most 1");
    }

    private static void Repeat(ICompiledFunction function, Dictionary<string, NdArray> feeds, int times)
    {
        for (var i = 0; i < times; i++)
        {
            function.Run(feeds);
        }
    }
}
