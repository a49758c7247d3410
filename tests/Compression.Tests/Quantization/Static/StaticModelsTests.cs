using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Runtime;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Quantization.Static;

/// <summary>int8 and int16 on every model there is: it loads, its layers are computed in integers, and the runtime computes what the graph says.</summary>
[TestClass]
public sealed class StaticModelsTests
{
    public required TestContext TestContext { get; init; }

    public static IEnumerable<object[]> Names => ClassicModels.All.Select(model => new object[] { model.Name }).Concat(SampleModels.All.Select(model => new object[] { model.Name }));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void The_runtime_computes_in_integers_what_the_graph_says_in_floats(string name)
    {
        var (load, inputs) = Open(name);
        var (result, bytes) = Quantize(load, QuantizationScheme.Int8);

        var (reference, integers) = (Reference(load, inputs), ModelRunner.Run(bytes, inputs));
        var simulated = ModelRunner.Run(bytes, inputs, GraphOptimizationLevel.DisableAll);
        foreach (var (output, tensor) in reference)
        {
            var (noise, distance) = (ModelRunner.SnrDb(tensor, integers[output]), ModelRunner.SnrDb(simulated[output], integers[output]));
            TestContext.WriteLine($"{name} {output}: {noise:F1} dB to float32, {distance:F1} dB to its simulation; {result.Metrics["runtime"]!.ToJsonString()}");

            // Rounding that falls the other way once in a while is amplified by normalisations as all noise is; LayerTests looks at single layers.
            Assert.IsGreaterThan(15, noise);
            Assert.IsGreaterThan(noise - 3, distance);
        }

        Assert.AreEqual("[]", result.Metrics["runtime"]!["floatOperators"]!.ToJsonString());
        var counts = result.Metrics["runtime"]!["integerOperators"]!.AsObject();
        Assert.IsGreaterThanOrEqualTo((int)result.Metrics["quantizedLayers"]!, counts.Sum(count => (int)count.Value!), "every layer is an operator in integers");
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Activations_in_16_bits_leave_the_noise_of_the_weights_alone(string name)
    {
        var (load, inputs) = Open(name);
        var (_, bytes) = Quantize(load, QuantizationScheme.Int16);
        var outputs = ModelRunner.Run(bytes, inputs);
        foreach (var (output, tensor) in Reference(load, inputs))
        {
            var noise = ModelRunner.SnrDb(tensor, outputs[output]);
            TestContext.WriteLine($"{name} {output}: {noise:F1} dB to float32");
            Assert.IsGreaterThan(19, noise); // Where sequences are open, calibration saw shorter ones.
        }
    }

    private static Dictionary<string, Tensor> Reference(Func<Model> load, Dictionary<string, Tensor> inputs)
    {
        using var model = load();
        return ModelRunner.Run(model.ToBytes(), inputs).Where(output => output.Value.Type == DataType.Float).ToDictionary();
    }

    internal static (StageResult Result, byte[] Bytes) Quantize(Func<Model> load, QuantizationScheme scheme, QuantizationBackend? backend = null)
    {
        using var model = load();
        var options = new QuantizeOptions { Scheme = scheme, Backend = backend, Calibration = new CalibrationOptions { Random = 8, Batch = 1, Method = CalibrationMethod.MinMax }, KeepEnds = false };
        var result = new QuantizeStage().Run(model, (object)options, new StageContext { Seed = 1 });
        return (result, result.Model.ToBytes());
    }

    internal static (Func<Model> Load, Dictionary<string, Tensor> Inputs) Open(string name)
    {
        if (SampleModels.All.FirstOrDefault(model => model.Name == name) is { } sample)
        {
            return (sample.Load, sample.Inputs());
        }

        var classic = ClassicModels.Get(name);
        using var model = classic.Build();
        return (classic.Build, new Dictionary<string, Tensor>(classic.Inputs(model, batch: 1)));
    }
}
