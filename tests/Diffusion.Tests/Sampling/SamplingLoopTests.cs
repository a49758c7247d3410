using CompressTool.Diffusion.Guidance;
using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Diffusion.Samplers;
using CompressTool.Diffusion.Sampling;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Tests.Sampling;

[TestClass]
public sealed class SamplingLoopTests
{
    private const string Ddim = "DDIMScheduler", Ddpm = "DDPMScheduler", Euler = "EulerDiscreteScheduler", EulerA = "EulerAncestralDiscreteScheduler";

    [TestMethod]
    [DataRow(Ddim, 16)]
    [DataRow(Ddim, 2)]
    [DataRow(Ddpm, 16)]
    [DataRow(Ddpm, 3)]
    [DataRow(Euler, 2)]
    [DataRow(EulerA, 1)]
    [DataRow("HeunDiscreteScheduler", 2)]
    [DataRow("UniPCMultistepScheduler", 5)]
    public void Samples_are_those_of_the_plain_loop_with_any_batch(string className, int batch)
    {
        using var denoiser = new ToyDenoiser { TimestepType = DataType.Float }.Compile();
        AssertClose(Plain(className, 5), Run(denoiser, className, new SamplingOptions { Count = 5, Batch = batch }));
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(5)]
    public void Fixed_batch_of_the_model_is_filled_up(int size)
    {
        using var denoiser = new ToyDenoiser { FixedBatch = size }.Compile();
        AssertClose(Plain(Ddim, 5), Run(denoiser, Ddim, new SamplingOptions { Count = 5, Batch = 4 }));
    }

    [TestMethod]
    [DataRow(DataType.Int64, true)]
    [DataRow(DataType.Int32, false)]
    [DataRow(DataType.Float, true)]
    [DataRow(DataType.Double, false)]
    [DataRow(DataType.Float16, false)]
    public void Timesteps_may_be_of_any_type_and_one_for_all(DataType type, bool scalar)
    {
        using var denoiser = new ToyDenoiser { TimestepType = type, ScalarTimestep = scalar }.Compile();
        AssertClose(Plain(Ddim, 3), Run(denoiser, Ddim, new SamplingOptions { Count = 3 }));
    }

    [TestMethod]
    public void Timesteps_between_two_are_rounded_for_models_that_take_whole_ones()
    {
        using var denoiser = new ToyDenoiser().Compile();
        AssertClose(Plain("LMSDiscreteScheduler", 2, timestep: t => MathF.Round(t)), Run(denoiser, "LMSDiscreteScheduler", new SamplingOptions { Count = 2 }));
    }

    [TestMethod]
    public void Models_of_half_precision_see_halves()
    {
        using var denoiser = new ToyDenoiser { Half = true }.Compile();
        AssertClose(Plain(Ddim, 3), Run(denoiser, Ddim, new SamplingOptions { Count = 3, Batch = 2 }), 1e-2);
    }

    [TestMethod]
    [DataRow(null, 16)]
    [DataRow(null, 2)]
    [DataRow(1, 16)]
    [DataRow(3, 2)]
    public void Guidance_runs_both_conditions_in_one_batch(int? fixedBatch, int batch)
    {
        using var denoiser = new ToyDenoiser { Labels = true, FixedBatch = fixedBatch }.Compile();
        var options = new SamplingOptions { Count = 3, Batch = batch, Labels = [1, 2, 3], NullLabel = 10, Guidance = new ClassifierFreeGuidance(3) };
        AssertClose(Plain(Ddim, 3, shift: item => 1 + (3 * ((0.1 * (item + 1)) - 1))), Run(denoiser, Ddim, options));

        // Without guidance, or with one that is none, the null class is not needed.
        AssertClose(Plain(Ddim, 3, shift: item => 0.1 * (item + 1)), Run(denoiser, Ddim, options with { Guidance = null, NullLabel = null }));
        AssertClose(Plain(Ddim, 3, shift: item => 0.1 * (item + 1)), Run(denoiser, Ddim, options with { Guidance = new ClassifierFreeGuidance(1), NullLabel = null }));
    }

    [TestMethod]
    public void Conditions_are_given_for_each_sample_or_for_all()
    {
        using var denoiser = new ToyDenoiser { Condition = true }.Compile();
        var rows = NdArray.Create(Enumerable.Range(0, 3 * 12).Select(i => 0.1f * (i / 12)).ToArray().AsSpan(), 3, 4, 3);
        var one = NdArray.Create(Enumerable.Repeat(0.5f, 12).ToArray().AsSpan(), 1, 4, 3);
        var options = new SamplingOptions { Count = 3, Batch = 2, Conditions = Named(rows) };

        AssertClose(Plain(Ddim, 3, shift: item => 0.1 * item), Run(denoiser, Ddim, options));
        AssertClose(Plain(Ddim, 3, shift: _ => 0.5), Run(denoiser, Ddim, options with { Conditions = Named(one) }));
        AssertClose(Plain(Ddim, 3, shift: item => 0.5 + (2 * ((0.1 * item) - 0.5))), Run(denoiser, Ddim, options with { NullConditions = Named(one), Guidance = new ClassifierFreeGuidance(2) }));
    }

    [TestMethod]
    [DataRow("fixed_small", false)]
    [DataRow("learned_range", true)]
    public void Variances_are_used_or_dropped(string variance, bool used)
    {
        using var denoiser = new ToyDenoiser { Variance = true }.Compile();
        var config = $"\"variance_type\": \"{variance}\"";
        AssertClose(Plain(Ddpm, 3, config, variance: used), Run(denoiser, Ddpm, new SamplingOptions { Count = 3, Batch = 2 }, config));
    }

    [TestMethod]
    public void Run_starts_where_it_is_told()
    {
        using var denoiser = new ToyDenoiser { OpenSize = true }.Compile();
        var start = new float[2 * ToyDenoiser.Length];
        new TorchGenerator(7).FillNormal(start);
        var options = new SamplingOptions { Count = 2, Shape = [ToyDenoiser.Height, ToyDenoiser.Width], Start = NdArray.Create<float>(start, 2, ToyDenoiser.Channels, ToyDenoiser.Height, ToyDenoiser.Width) };

        AssertClose(Plain(Euler, 2, seed: 7), Run(denoiser, Euler, options));
    }

    [TestMethod]
    public void Progress_counts_runs_of_the_model()
    {
        using var denoiser = new ToyDenoiser().Compile();
        var reports = new List<SamplingProgress>();
        using var samples = new SamplingLoop(denoiser, Sampler(Ddim)).Run(new SamplingOptions { Count = 5, Batch = 2 }, new TorchGenerator(0), new Recorder(reports));

        Assert.AreSequenceEqual(Enumerable.Range(0, 31).Select(i => new SamplingProgress(i, 30)), reports);
        Assert.AreEqual("float32[5,2,3,5]", samples.ToString());
    }

    [TestMethod]
    public void Run_can_be_cancelled()
    {
        using var denoiser = new ToyDenoiser().Compile();
        using var cancellation = new CancellationTokenSource();
        var reports = new List<SamplingProgress>();
        var recorder = new Recorder(reports, () =>
        {
            if (reports.Count == 4)
            {
                cancellation.Cancel();
            }
        });

        Assert.ThrowsExactly<OperationCanceledException>(() => new SamplingLoop(denoiser, Sampler(Ddim)).Run(new SamplingOptions { Count = 1 }, new TorchGenerator(0), recorder, cancellation.Token));
        Assert.HasCount(4, reports);
    }

    [TestMethod]
    public void What_does_not_fit_is_said()
    {
        using var plain = new ToyDenoiser().Compile();
        using var open = new ToyDenoiser { OpenSize = true }.Compile();
        using var labelled = new ToyDenoiser { Labels = true }.Compile();
        using var conditioned = new ToyDenoiser { Condition = true }.Compile();
        var options = new SamplingOptions { Count = 2 };
        var array = NdArray.Create(new float[24], 2, 4, 3);

        Check(plain, options with { Count = 0 }, "CMP8103", "0 samples in batches of 16");
        Check(plain, options with { Shape = [4, 5] }, "CMP8103", "dimension 2 cannot be 4");
        Check(plain, options with { Start = array }, "CMP8103", "but float32[2,2,3,5] is needed");
        Check(plain, options, "CMP8103", "variance_type", "\"variance_type\": \"learned\"");
        Check(open, options, "CMP8103", "the model leaves dimension 2 of its samples open");
        Check(plain, options with { Labels = [1, 2] }, "CMP8105", "takes no classes");
        Check(labelled, options, "CMP8105", "needs a class for each sample (class_labels: int64[batch])");
        Check(labelled, options with { Labels = [1] }, "CMP8105", "1 classes for 2 samples");
        Check(labelled, options with { Labels = [1, 2], Guidance = new(2) }, "CMP8105", "the class that stands for no class");
        Check(conditioned, options, "CMP8105", "needs the condition encoder_hidden_states: float32[batch,4,3]");
        Check(conditioned, options with { Conditions = new Dictionary<string, NdArray> { ["encoder_hidden_state"] = array } }, "CMP8105", "did you mean 'encoder_hidden_states'?");
        Check(conditioned, options with { Conditions = Named(NdArray.Create(new float[24], 2, 3, 4)) }, "CMP8105", "must be float32[batch,4,3], but is float32[2,3,4]");
        Check(conditioned, options with { Conditions = Named(NdArray.Create(new float[36], 3, 4, 3)) }, "CMP8105", "one row for each of 2 samples");

        static void Check(Denoiser denoiser, SamplingOptions options, string code, string message, string config = "")
        {
            var error = Assert.ThrowsExactly<CompressToolException>(() => Run(denoiser, Ddpm, options, config));
            Assert.AreEqual(code, error.Code.Id);
            Assert.Contains(message, error.Message);
        }
    }

    [TestMethod]
    [DataRow("timestep", "no input for timesteps")]
    [DataRow("sample", "no input for samples")]
    [DataRow("out_sample", "none of its outputs has the type and the number of dimensions")]
    public void Models_of_another_kind_are_refused(string missing, string message)
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        var builder = new GraphBuilder(model);
        var sample = builder.Input("sample", missing == "sample" ? DataType.Int64 : DataType.Float, new Shape(new Dim("batch"), 2, 3, 5));
        builder.AddOutput("sum", sample + builder.Input(missing == "timestep" ? "hour" : "timestep", sample.Type).View(1));
        if (missing == "out_sample")
        {
            model.Graph.Outputs.Clear();
            builder.AddOutput("flat", sample.View(-1));
        }

        var error = Assert.ThrowsExactly<CompressToolException>(() => new Denoiser(new OnnxRuntimeEngine().Compile(model)));
        Assert.AreSame(DiffusionErrors.UnsuitableDenoiser, error.Code);
        Assert.Contains(message, error.Message);
    }

    private static Dictionary<string, NdArray> Named(NdArray array) => new() { ["encoder_hidden_states"] = array };

    private static Sampler Sampler(string className, string config = "") =>
        SamplerFactory.Create(SchedulerConfig.Parse($$"""{ "_class_name": "{{className}}"{{(config.Length == 0 ? "" : ", ")}}{{config}} }""", "test"), new SamplerSettings { Steps = 10 });

    private static float[] Run(Denoiser denoiser, string className, SamplingOptions options, string config = "")
    {
        using var samples = new SamplingLoop(denoiser, Sampler(className, config)).Run(options, new TorchGenerator(5));
        return samples.AsSpan<float>().ToArray();
    }

    /// <summary>The loop as one would write it down, without an engine.</summary>
    private static float[] Plain(string className, int count, string config = "", Func<int, double>? shift = null, bool variance = false, Func<float, float>? timestep = null, long seed = 5)
    {
        var sampler = Sampler(className, config);
        var noise = new TorchGenerator(seed);
        var samples = new float[count * ToyDenoiser.Length];
        noise.FillNormal(samples);
        samples = Array.ConvertAll(samples, value => value * sampler.InitialNoiseScale);
        sampler.Begin(count, ToyDenoiser.Length, noise);
        while (sampler.Position < sampler.Timesteps.Count)
        {
            var t = sampler.Timesteps[sampler.Position];
            t = timestep?.Invoke(t) ?? t;
            float[] inputs = Array.ConvertAll(samples, value => value * sampler.InputScale);
            sampler.Step(
                [.. inputs.Select((value, i) => ToyDenoiser.Predict(value, t, shift?.Invoke(i / ToyDenoiser.Length) ?? 0))],
                samples,
                variance ? [.. inputs.Select(value => -0.5f * value)] : []);
        }

        return samples;
    }

    private static void AssertClose(float[] expected, float[] actual, double tolerance = 1e-5)
    {
        Assert.HasCount(expected.Length, actual);
        var error = expected.Zip(actual).Max(pair => Math.Abs((double)pair.First - pair.Second)) / expected.Max(Math.Abs);
        Assert.IsLessThan(tolerance, error);
    }

    private sealed class Recorder(List<SamplingProgress> reports, Action? then = null) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value)
        {
            reports.Add(value);
            then?.Invoke();
        }
    }
}
