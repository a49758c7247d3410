using CompressTool.Compression.Distillation;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Loop;
using static CompressTool.Compression.Tests.Pruning.Criteria.SliceSumsTests;

namespace CompressTool.Compression.Tests.Pruning.Importance;

/// <summary>Diff-Pruning's gradients of a model that is one matrix, against plain loops.</summary>
[TestClass]
public sealed class TimestepSweepTests
{
    private const int Samples = 6, Pixels = 4;

    private static readonly float[] s_weight = [0.9f, 0.2f, -0.1f, 1.1f];
    private static readonly DenoisingTask s_task = DenoisingTask.Create(new NoiseOptions { TrainTimesteps = 20, BetaEnd = 0.5 });
    private static readonly float[] s_clean = Numbers(1), s_noise = Numbers(2);

    [TestMethod]
    [DataRow(0, false, 6)]
    [DataRow(0, true, 2)]
    [DataRow(0.2, false, 6)]
    [DataRow(0.2, false, 2)]
    [DataRow(0.2, true, 6)]
    [DataRow(0.2, true, 2)]
    [DataRow(1.1, false, 3)]
    public void Gradients_are_added_up_until_the_loss_is_small(double threshold, bool before, int atOnce)
    {
        var stop = before ? SweepStop.BeforeGradient : SweepStop.AfterGradient;
        var (losses, used, sum) = Run(threshold, stop, atOnce);

        var expected = Enumerable.Range(0, 20).Select(Plain).ToArray();
        var largest = 0.0;
        var end = Array.FindIndex(expected, at => at.Loss < threshold * (largest = Math.Max(largest, at.Loss)));
        Assert.AreEqual(threshold == 0 ? -1 : threshold > 1 ? 0 : end, end);
        Assert.IsTrue(threshold is not 0.2 || end is > 2 and < 18, $"stops at {end}");
        Assert.AreEqual(end < 0 ? 20 : stop == SweepStop.AfterGradient ? end + 1 : end, used);
        AssertClose([.. expected.Take(end < 0 ? 20 : end + 1).Select(at => at.Loss)], losses, 1e-5);
        AssertClose([.. Enumerable.Range(0, 4).Select(index => expected.Take(used).Sum(at => at.Gradient[index]))], Array.ConvertAll(sum, value => (double)value), 1e-5);
    }

    [TestMethod]
    [DataRow(0.2, true, 2)]
    [DataRow(0, false, 6)]
    public void A_sweep_that_was_cut_off_goes_on_where_it_stood(double threshold, bool before, int atOnce)
    {
        using var folder = new TempFolder();
        var stop = before ? SweepStop.BeforeGradient : SweepStop.AfterGradient;
        SweepCheckpoint Checkpoint(string configuration = "same", double seconds = 0) => new(folder.File("sweep"), configuration, TimeSpan.FromSeconds(seconds));
        void CutOff(int done, double loss) => _ = done == 2 ? throw new OperationCanceledException() : loss;

        var (losses, used, sum) = Run(threshold, stop, atOnce);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run(threshold, stop, atOnce, Checkpoint(), CutOff));
        var seen = new List<int>();
        var other = Run(threshold, stop, atOnce, Checkpoint("other", 99), (done, _) => seen.Add(done));
        Assert.AreEqual(1, seen[0], "what others have left is not used");
        CollectionAssert.AreEqual(sum, other.Sum);

        Assert.ThrowsExactly<OperationCanceledException>(() => Run(threshold, stop, atOnce, Checkpoint(), CutOff));
        seen.Clear();
        var resumed = Run(threshold, stop, atOnce, Checkpoint(), (done, _) => seen.Add(done));

        Assert.AreEqual(3, seen[0]);
        Assert.AreEqual(used, resumed.Used);
        CollectionAssert.AreEqual(losses, resumed.Losses);
        CollectionAssert.AreEqual(sum, resumed.Sum);
        Assert.IsFalse(File.Exists(folder.File("sweep")));
    }

    [TestMethod]
    public void A_threshold_that_nothing_reaches_is_an_error()
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => Run(1.1, SweepStop.BeforeGradient, 6));

        Assert.AreEqual(CompressionErrors.InvalidTraining, error.Code);
        Assert.AreEqual("threshold", error.OptionPath);
    }

    [TestMethod]
    public void Timesteps_are_spaced_evenly()
    {
        CollectionAssert.AreEqual(new long[] { 0, 100, 200, 300, 400, 500, 600, 700, 800, 900 }, TimestepSweep.Spaced(10, 1000));
        CollectionAssert.AreEqual(new long[] { 0, 1, 2 }, TimestepSweep.Spaced(7, 3));
        CollectionAssert.AreEqual(new long[] { 0, 3, 6 }, TimestepSweep.Spaced(3, 10));
    }

    [TestMethod]
    public void A_loss_that_is_not_finite_is_an_error()
    {
        using var model = Model([float.NaN, 1, 1, 1]);
        using var batch = Batch(model);
        using var step = new GradientStep(model, batch.Batch, null, default);

        var error = Assert.ThrowsExactly<CompressToolException>(() => step.Compute(batch.Batch, default));

        Assert.AreEqual(CompressionErrors.UnsuitableModel, error.Code);
        Assert.Contains("'w'", error.Message);
    }

    private static (double[] Losses, int Used, float[] Sum) Run(double threshold, SweepStop stop, int atOnce, SweepCheckpoint? checkpoint = null, Action<int, double>? report = null)
    {
        using var model = Model(s_weight);
        using var batch = Batch(model);
        using var part = batch.Batch.Slice(0, atOnce);
        using var step = new GradientStep(model, part, null, default);
        using var sum = new GradientSum(step.Parameters);
        var (losses, used) = new TimestepSweep(TimestepSweep.Spaced(20, 20), threshold, stop).Run(step, batch, sum, checkpoint, report, default);
        return (losses, used, sum.ToTensors()["w"].ToFloats());
    }

    /// <summary>Every pixel's channels times a matrix.</summary>
    private static Model Model(float[] weight)
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        var batch = new Dim("batch");
        var image = new TensorType(DataType.Float, new Shape(batch, 2, 2, 2));
        var sample = new Value("sample", image);
        model.Graph.AddInput(sample);
        model.Graph.AddInput(new Value("timestep", new TensorType(DataType.Int64, new Shape(batch))));
        var w = model.Graph.AddInitializer("w", Tensor.Floats([2, 2, 1, 1], weight));
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "Conv", "conv", [sample, w], image));
        return model;
    }

    private static NoisyBatch Batch(Model model)
    {
        var clean = new NativeArray(DataType.Float, Samples, 2, 2, 2);
        s_clean.CopyTo(clean.AsSpan<float>());
        return new NoisyBatch(new Batch(Samples, new Dictionary<string, NativeArray> { ["sample"] = clean }), s_noise, s_task, "sample", model.Graph.Inputs[1]);
    }

    private static (double Loss, double[] Gradient) Plain(int timestep)
    {
        var (alpha, sigma) = s_task.MixAt(timestep);
        var (loss, gradient) = (0.0, new double[4]);
        for (var place = 0; place < Samples * Pixels; place++)
        {
            var first = (place / Pixels * 2 * Pixels) + (place % Pixels);
            double[] noisy = [(alpha * s_clean[first]) + (sigma * s_noise[first]), (alpha * s_clean[first + Pixels]) + (sigma * s_noise[first + Pixels])];
            for (var row = 0; row < 2; row++)
            {
                var error = (s_weight[row * 2] * noisy[0]) + (s_weight[(row * 2) + 1] * noisy[1]) - s_noise[first + (row * Pixels)];
                loss += error * error / s_clean.Length;
                gradient[row * 2] += 2 * error * noisy[0] / s_clean.Length;
                gradient[(row * 2) + 1] += 2 * error * noisy[1] / s_clean.Length;
            }
        }

        return (loss, gradient);
    }

    private static float[] Numbers(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Samples * 2 * Pixels).Select(_ => (float)((random.NextDouble() * 3) - 1.5))];
    }
}
