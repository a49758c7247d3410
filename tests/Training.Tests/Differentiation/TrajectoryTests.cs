using System.Text.Json;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Engine;
using CompressTool.Training.Loop;
using CompressTool.Training.Loop.Places;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Tests.Differentiation;

/// <summary>Ten steps of training from the same weights and data, against PyTorch's.</summary>
[TestClass]
public sealed class TrajectoryTests
{
    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [DataRow(0, false)]
    [DataRow(1, false)]
    [DataRow(2, false)]
    [DataRow(3, false)]
    [DataRow(4, false)]
    [DataRow(5, false)]
    [DataRow(0, true)]
    [DataRow(1, true)]
    [DataRow(2, true)]
    [DataRow(3, true)]
    [DataRow(4, true)]
    [DataRow(5, true)]
    public void Losses_and_norms_follow_the_reference(int number, bool onDevice)
    {
        if (Repository.Oracle("train_trajectories.json") is not { } file)
        {
            Assert.Inconclusive("The oracles are not here.");
            return;
        }

        using var document = JsonDocument.Parse(File.ReadAllText(file));
        var run = document.RootElement.GetProperty("runs")[number];
        var name = run.GetProperty("model").GetString()!;
        var folder = Repository.Oracle(name)!;
        var (component, inputs) = name == "dit" ? ("transformer", (string[])["sample", "timestep", "class_labels"]) : ("unet", ["sample", "timestep"]);
        using var weights = SafetensorsFile.Open(Path.Combine(folder, component, "diffusion_pytorch_model.safetensors"));
        using var model = Model.Load(Path.Combine(folder, "model_op17_dynbatch.onnx"));
        var names = ReferenceModel.NamesIn(weights, model);
        var graph = TrainingGraph.Create(model, new InferenceOptions { Bindings = new Dictionary<string, long> { ["batch"] = 2 } }, names.Keys);
        var output = graph.Builder.Of(graph.Model.Graph.Outputs[0]);
        graph.Builder.AddOutput("loss", ReferenceModel.MeanSquaredError(output, graph.Builder.Input("target", DataType.Float, output.Dims)));

        using var parameters = ParameterSet.Create(graph.Parameters);
        using var optimizer = Options(run).Create(parameters);
        using var average = run.GetProperty("ema_decay").ValueKind == JsonValueKind.Null ? null
            : new MovingAverage(parameters, new MovingAverageOptions { Decay = run.GetProperty("ema_decay").GetDouble(), WarmUp = false });
        var engine = new OnnxRuntimeTrainingEngine();

        // Naming the CPU takes the way of other providers.
        var options = new EngineOptions { Providers = onDevice ? [new ExecutionProvider("CPU")] : [] };
        using var function = engine.CompileGradient(graph.Model, "loss", [.. graph.Parameters.Keys], options: options);
        using var batch = new Batch(2, ReferenceModel.ReadArrays(Path.Combine(folder, "io"), [.. inputs, "target"]).ToDictionary(array => array.Key, array => NativeArray.From(array.Value)));
        using var trained = new FunctionStep(function, parameters, device: onDevice ? new TrainingDevice(engine, options) : null);
        using TrainingPlace place = onDevice ? new DevicePlace(trained, trained.Device!, optimizer, average, null) : new HostPlace(trained, optimizer, average, null);
        place.Load(TestContext.CancellationToken);
        var clip = run.GetProperty("clip_grad_norm") is { ValueKind: JsonValueKind.Number } limit ? limit.GetDouble() : (double?)null;
        var (worstLoss, worstNorm) = (0.0, 0.0);
        for (var step = 0; step <= 10; step++)
        {
            worstLoss = Math.Max(worstLoss, Relative(place.Compute(batch, TestContext.CancellationToken).Total, run, "loss", step));
            if (step < 10)
            {
                var norm = place.GradientNorm();
                worstNorm = Math.Max(worstNorm, Relative(norm, run, "grad_norm", step));
                place.Update(run.GetProperty("lr").GetDouble(), GradientNorm.ClipFactor(norm, clip));
            }
        }

        place.Store();
        var worstParameter = WorstNorm(parameters.Values, names, run.GetProperty("param_norm_after_f64"));
        var worstAverage = average is null ? 0 : WorstNorm(average.Values, names, run.GetProperty("ema_norm_after_f64"));
        TestContext.WriteLine($"{name} {run.GetProperty("optimizer").GetString()}{(onDevice ? " on a device" : "")}: loss {worstLoss:g2}, gradient norm {worstNorm:g2}, parameters {worstParameter:g2}, average {worstAverage:g2}");
        Assert.IsLessThan(1e-5, worstLoss);
        Assert.IsLessThan(NormTolerance(run), worstNorm);
        Assert.IsLessThan(1e-5, worstParameter);
        Assert.IsLessThan(1e-5, worstAverage);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(2)]
    public void In_double_precision_nothing_drifts(int number)
    {
        if (Repository.Oracle("train_trajectories.json") is not { } file)
        {
            Assert.Inconclusive("The oracles are not here.");
            return;
        }

        using var document = JsonDocument.Parse(File.ReadAllText(file));
        var run = document.RootElement.GetProperty("runs")[number];
        var folder = Repository.Oracle(run.GetProperty("model").GetString()!)!;
        using var weights = SafetensorsFile.Open(Path.Combine(folder, "unet", "diffusion_pytorch_model.safetensors"));
        using var model = Model.Load(Path.Combine(folder, "model_op17_dynbatch.onnx"));
        var names = ReferenceModel.NamesIn(weights, model);
        var graph = TrainingGraph.Create(model, new InferenceOptions { Bindings = new Dictionary<string, long> { ["batch"] = 2 } }, names.Keys);
        var builder = DoublePrecision.Convert(graph);
        var output = builder.Of(builder.Graph.Outputs[0]);
        builder.AddOutput("loss", ReferenceModel.MeanSquaredError(output, builder.Input("target", DataType.Double, output.Dims)));
        using var function = new OnnxRuntimeTrainingEngine().CompileGradient(builder.Model, "loss", [.. graph.Parameters.Keys], new GradientOptions { UseKernels = false });

        using var parameters = ParameterSet.Create(graph.Parameters);
        var decay = run.GetProperty("ema_decay") is { ValueKind: JsonValueKind.Number } average ? average.GetDouble() : 0;
        var optimizer = new Optimization.Reference(Options(run), parameters) { AverageDecay = decay, WarmUp = false };
        var clip = run.GetProperty("clip_grad_norm") is { ValueKind: JsonValueKind.Number } limit ? limit.GetDouble() : (double?)null;
        var feeds = ReferenceModel.ReadArrays(Path.Combine(folder, "io"), "sample", "timestep", "target").ToDictionary(pair => pair.Key, pair => Widen(pair.Value));
        var (worstLoss, worstNorm) = (0.0, 0.0);
        for (var step = 0; step <= 10; step++)
        {
            foreach (var ((name, values), slot) in Split(optimizer.Weights, parameters.Layout).Zip(parameters.Layout.Slots))
            {
                feeds[name] = NdArray.Create(values, [.. slot.Dims]);
            }

            var results = function.Run(feeds);
            worstLoss = Math.Max(worstLoss, Relative(results["loss"].AsSpan<double>()[0], run, "loss", step));
            if (step < 10)
            {
                double[] gradients = [.. parameters.Layout.Slots.SelectMany(slot => results[TrainingGraph.GradientPrefix + slot.Name].AsSpan<double>().ToArray())];
                var norm = Math.Sqrt(gradients.Sum(gradient => gradient * gradient));
                worstNorm = Math.Max(worstNorm, Relative(norm, run, "grad_norm", step));
                optimizer.Step(gradients, run.GetProperty("lr").GetDouble(), GradientNorm.ClipFactor(norm, clip));
            }
        }

        TestContext.WriteLine($"loss {worstLoss:g2}, gradient norm {worstNorm:g2}");
        Assert.IsLessThan(1e-6, worstLoss);
        Assert.IsLessThan(1e-5, worstNorm);
        AssertNorms(optimizer.Weights, run.GetProperty("param_norm_after_f64"));
        if (decay > 0)
        {
            AssertNorms(optimizer.Average, run.GetProperty("ema_norm_after_f64"));
        }

        void AssertNorms(double[] values, JsonElement expected)
        {
            foreach (var (name, part) in Split(values, parameters.Layout))
            {
                var reference = expected.GetProperty(names[name]).GetDouble();
                Assert.AreEqual(reference, Math.Sqrt(part.Sum(value => value * value)), 1e-5 * reference, names[name]);
            }
        }
    }

    private static IEnumerable<(string Name, double[] Values)> Split(double[] values, ParameterLayout layout)
    {
        var start = 0;
        foreach (var slot in layout.Slots)
        {
            yield return (slot.Name, values[start..(start + (int)slot.Count)]);
            start += (int)slot.Count;
        }
    }

    private static NdArray Widen(NdArray array) =>
        array.Type == DataType.Float ? NdArray.Create(Array.ConvertAll(array.AsSpan<float>().ToArray(), x => (double)x), array.Dims) : array;

    private static OptimizerOptions Options(JsonElement run)
    {
        var (rate, decay) = (run.GetProperty("lr").GetDouble(), run.GetProperty("weight_decay").GetDouble());
        return run.GetProperty("optimizer").GetString() == "SGD"
            ? new SgdOptions { LearningRate = rate, WeightDecay = decay, Momentum = run.GetProperty("momentum").GetDouble() }
            : new AdamWOptions { LearningRate = rate, WeightDecay = decay, Beta1 = run.GetProperty("betas")[0].GetDouble(), Beta2 = run.GetProperty("betas")[1].GetDouble(), Epsilon = run.GetProperty("eps").GetDouble() };
    }

    /// <summary>The relative distance from the reference in float64.</summary>
    private static double Relative(double value, JsonElement run, string quantity, int step)
    {
        var expected = run.GetProperty(quantity + "_f64")[step].GetDouble();
        return Math.Abs(value - expected) / expected;
    }

    /// <summary>
    /// How far norms may be off. Adam makes full steps of gradients that are hardly more than rounding, so that PyTorch's own
    /// norms in float32 leave those in float64 by up to 7e-5 on the U-Net; there we may be four times as far.
    /// </summary>
    private static double NormTolerance(JsonElement run) => Math.Max(
        1e-5, 4 * Enumerable.Range(0, 10).Max(step => Relative(run.GetProperty("grad_norm_f32")[step].GetDouble(), run, "grad_norm", step)));

    private static double WorstNorm(ParameterBlock block, Dictionary<string, string> names, JsonElement expected)
    {
        Assert.AreEqual(expected.EnumerateObject().Count(), names.Count);
        return names.Where(pair => !IsShiftInvariant(pair.Value)).Max(pair =>
        {
            var norm = Math.Sqrt(block[pair.Key].AsSpan<float>().ToArray().Sum(value => (double)value * value));
            var reference = expected.GetProperty(pair.Value).GetDouble();
            return Math.Abs(norm - reference) / reference;
        });
    }

    /// <summary>Biases that softmax cancels: their true gradient is zero, and Adam makes steps of whatever the rounding leaves.</summary>
    private static bool IsShiftInvariant(string parameter) => parameter.EndsWith("to_k.bias", StringComparison.Ordinal);
}
