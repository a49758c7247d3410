using CompressTool.Compression.Distillation;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Compression.Tests.Pruning.Criteria;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Engine;
using CompressTool.Training.Loop;

namespace CompressTool.Compression.Tests.Pruning.Importance;

/// <summary>Importance against what Torch-Pruning computed for the same groups of the same models.</summary>
[TestClass]
public sealed class OfficialImportanceTests
{
    /// <summary>Kernels of our own are slow where tests are built without optimisation.</summary>
    private static readonly GradientOptions s_standard = new() { UseKernels = false };

    public TestContext TestContext { get; set; } = null!;

    /// <summary>Groups of the small model that travels with the tests, and all files of the oracles where they are.</summary>
    public static IEnumerable<object[]> Files =>
        new[]
        {
            ("importance", Repository.Fixture("diff-pruning", "importance.json"), Repository.Fixture("unet2d", "model_op17_dynbatch.onnx")),
            ("1.2.5", Repository.Oracle("diff-pruning", "importance_v1.2.5.json"), Repository.Oracle("unet2d", "model_op17_dynbatch.onnx")),
            ("1.6.1", Repository.Oracle("diff-pruning", "importance_v1.6.1.json"), Repository.Oracle("unet2d", "model_op17_dynbatch.onnx")),
            ("fashion", Repository.Oracle("fashion-ddpm", "diff-pruning", "importance_v1.2.5.json"), Repository.Oracle("fashion-ddpm", "model_op17.onnx")),
        }.Where(file => file is { Item2: not null, Item3: not null }).Select(file => new object[] { file.Item1, file.Item2!, file.Item3! });

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Magnitude_is_that_of_torch_pruning(string name, string json, string path)
    {
        using var model = Model.Load(path);
        var official = OfficialGroups.Read(json, "magnitude", model.Graph);

        Check(name, official, new GroupScorer(new MagnitudeCriterion()), 1e-6);
    }

    /// <summary>Gradients of ten timesteps, over which the loss of this untrained model never gets small.</summary>
    [TestMethod]
    public void Gradients_give_the_importance_of_torch_pruning()
    {
        using var model = Model.Load(Repository.Fixture("unet2d", "model_op17_dynbatch.onnx"));
        using var data = OfUnet2d(model, out var losses);
        foreach (var (name, json) in Files.Where(file => (string)file[0] != "fashion").Select(file => ((string)file[0], (string)file[1])))
        {
            var official = OfficialGroups.Read(json, "diff-pruning", model.Graph);
            SliceSumsTests.AssertClose(official.Losses, losses, 1e-5);

            Check($"{name}, diff-pruning", official, new GroupScorer(new DiffPruningCriterion(), data), 1e-3);
            Check($"{name}, taylor", OfficialGroups.Read(json, "taylor", model.Graph), new GroupScorer(new TaylorCriterion(), data), 1e-3);
        }
    }

    /// <summary>
    /// A trained model, whose loss is below a twentieth of the largest from timestep 320 on. All 1320 gradients, and the importance that they
    /// make, are computed with COMPRESSTOOL_SLOW_TESTS=1; otherwise only those around the end.
    /// </summary>
    [TestMethod]
    public void A_trained_model_stops_where_diff_pruning_does()
    {
        if (Repository.Oracle("fashion-ddpm", "model_op17.onnx") is not { } path)
        {
            Assert.Inconclusive("The oracles are not here.");
            return;
        }

        var isFull = Environment.GetEnvironmentVariable("COMPRESSTOOL_SLOW_TESTS") == "1";
        var json = Repository.Oracle("fashion-ddpm", "diff-pruning", "importance_v1.2.5.json")!;
        using var model = Model.Load(path);
        var official = OfficialGroups.Read(json, "diff-pruning", model.Graph);
        long[] timesteps = isFull ? TimestepSweep.Spaced(1000, 1000) : [0, 100, .. Enumerable.Range(official.Losses.Length - 3, 10)];

        using var data = Accumulate(model, FashionImages(), FashionNoise(), timesteps, 0.05, s_standard, out var losses);

        SliceSumsTests.AssertClose([.. timesteps.TakeWhile(timestep => timestep < official.Losses.Length).Select(timestep => official.Losses[timestep])], losses, 1e-5);
        if (isFull)
        {
            Check("fashion, diff-pruning", official, new GroupScorer(new DiffPruningCriterion(), data), 1e-3);
            var taylor = OfficialGroups.Read(json, "taylor", model.Graph);
            using var all = Accumulate(model, FashionImages(), FashionNoise(), timesteps, 0, s_standard, out losses);
            SliceSumsTests.AssertClose(taylor.Losses, losses, 1e-5);
            Check("fashion, taylor", taylor, new GroupScorer(new TaylorCriterion(), all), 1e-3);
        }
    }

    /// <summary>Every 115th image, as the reference was made.</summary>
    private static NativeArray FashionImages()
    {
        var source = new ImageSource(NpyFile.Read(Repository.Oracle("fashion900.npy")!), new ImageSourceOptions { BatchSize = 900, Size = (32, 32), Shuffle = false });
        using var all = source.Read(0, 0, default);
        var clean = new NativeArray(DataType.Float, 8, 1, 32, 32);
        for (var item = 0; item < 8; item++)
        {
            all.Arrays["sample"].AsSpan<float>().Slice(item * 115 * 1024, 1024).CopyTo(clean.AsSpan<float>()[(item * 1024)..]);
        }

        return clean;
    }

    private static float[] FashionNoise() => NpyFile.Read(Repository.Oracle("fashion-ddpm", "diff-pruning", "noise.npy")!).ToFloats();

    /// <summary>The gradients of the small model, as the reference was made.</summary>
    internal static ImportanceData OfUnet2d(Model model, out double[] losses) => Accumulate(
        model,
        NativeArray.From(NpyFile.Read(Repository.Fixture("diff-pruning", "clean.npy"))),
        NpyFile.Read(Repository.Fixture("diff-pruning", "noise.npy")).ToFloats(),
        TimestepSweep.Spaced(10, 1000),
        0.05,
        null,
        out losses);

    private static ImportanceData Accumulate(Model model, NativeArray clean, float[] noise, long[] timesteps, double threshold, GradientOptions? options, out double[] losses)
    {
        var inputs = DiffusionInputs.Find(model.Graph)!;
        var samples = new Batch((int)clean.Dims[0], new Dictionary<string, NativeArray> { [inputs.Sample.Name] = clean });
        using var batch = new NoisyBatch(samples, noise, DenoisingTask.Create(new NoiseOptions()), inputs.Sample.Name, inputs.Timestep);
        using var step = new GradientStep(model, batch.Batch, options, default);
        var sum = new GradientSum(step.Parameters);
        (losses, _) = new TimestepSweep(timesteps, threshold, SweepStop.AfterGradient).Run(step, batch, sum, null, null, default);
        return new ImportanceData(sum.ToTensors(), owner: sum);
    }

    private void Check(string name, OfficialGroups official, GroupScorer scorer, double tolerance)
    {
        Assert.IsNotEmpty(official.Groups);
        scorer.Read(official.Groups.Select(group => (group.Members, group.RawSum.Length)));
        var largest = 0.0;
        foreach (var group in official.Groups)
        {
            var scores = scorer.Score(group.Members, group.RawSum.Length)!;
            Assert.AreEqual(group.Members.Count, scores.Members);
            foreach (var (expected, actual) in group.RawSum.Zip(scores.Sums).Concat(group.Importance.Zip(scores.Scores)))
            {
                largest = Math.Max(largest, Math.Abs(actual - expected) / Math.Abs(expected));
                Assert.AreEqual(expected, actual, tolerance * Math.Abs(expected), group.Root);
            }
        }

        TestContext.WriteLine($"{name}: {official.Groups.Count} groups, largest relative error {largest:g3}");
    }
}
