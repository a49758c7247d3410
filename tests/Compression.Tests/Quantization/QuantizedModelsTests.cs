using System.Collections.Concurrent;
using CompressTool.Compression.Options;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Float16;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Runtime;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>Every scheme on every exported model: the result loads in ONNX Runtime, runs, and stays near the float32 model.</summary>
[TestClass]
public sealed class QuantizedModelsTests
{
    private static readonly ConcurrentDictionary<string, Lazy<Dictionary<string, Tensor>>> s_references = new();

    public required TestContext TestContext { get; init; }

    /// <summary>Least signal-to-noise ratio of the outputs in dB, by scheme. The models are small and most of them random, which is harder than real ones.</summary>
    private static readonly (QuantizeOptions Options, double LeastDb)[] s_schemes =
    [
        (new QuantizeOptions { Scheme = QuantizationScheme.Fp16 }, 50),
        (new QuantizeOptions { Scheme = QuantizationScheme.Fp16, KeepIoTypes = false }, 50),
        (new QuantizeOptions { Scheme = QuantizationScheme.Bf16 }, 35),
        (new QuantizeOptions { Scheme = QuantizationScheme.Int8Dynamic }, 22),
        (new QuantizeOptions { Scheme = QuantizationScheme.Int8Weights }, 35),
        (new QuantizeOptions { Scheme = QuantizationScheme.Int8Weights, AccuracyLevel = 1, Symmetric = false, BlockSize = 64 }, 40),
        (new QuantizeOptions { Scheme = QuantizationScheme.Int4 }, 16),
    ];

    public static IEnumerable<object[]> Cases => SampleModels.All.SelectMany(model => s_schemes.Select((_, index) => new object[] { model.Name, index }));

    public static IEnumerable<object[]> Models => SampleModels.All.Select(model => new object[] { model.Name });

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Outputs_stay_near_those_of_the_float32_model(string name, int scheme)
    {
        var sample = SampleModels.All.Single(model => model.Name == name);
        var (options, leastDb) = s_schemes[scheme];
        var inputs = sample.Inputs();
        var reference = Reference(sample);

        using var model = sample.Load();
        var before = new FileInfo(sample.Path).Length;
        var result = new QuantizeStage().Run(model, options, new StageContext());
        var bytes = result.Model.ToBytes();
        Assert.IsLessThan(before, bytes.LongLength);
        var types = result.Model.Graph.Inputs.ToDictionary(input => input.Name, input => input.ElementType);
        var outputs = ModelRunner.Run(bytes, inputs.ToDictionary(input => input.Key, input => ModelRunner.Convert(input.Value, types[input.Key])));
        foreach (var (output, tensor) in reference)
        {
            var snr = ModelRunner.SnrDb(tensor, outputs[output]);
            TestContext.WriteLine($"{name} {options.Scheme} {output}: {snr:F1} dB, {100.0 * bytes.Length / before:F0} % of the size; {result.Metrics["castsAdded"]} casts, in float32: {result.Metrics["float32Nodes"]?.ToJsonString()}");
            Assert.IsGreaterThan(leastDb, snr);
        }
    }

    /// <summary>Where every node computes in float16, its values must stay in range, and rounding must not add up.</summary>
    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Float16_arithmetic_stays_near_float32(string name)
    {
        var sample = SampleModels.All.Single(model => model.Name == name);
        var inputs = sample.Inputs();
        var reference = Reference(sample);
        using var model = sample.Load();
        new QuantizeStage().Run(model, new QuantizeOptions { Scheme = QuantizationScheme.Fp16 }, new StageContext());
        HalfArithmetic.Emulate(model);
        var outputs = ModelRunner.Run(model.ToBytes(), inputs, GraphOptimizationLevel.DisableAll);
        foreach (var (output, tensor) in reference)
        {
            var snr = ModelRunner.SnrDb(tensor, outputs[output]);
            TestContext.WriteLine($"{name} {output}: {snr:F1} dB in float16 arithmetic");
            Assert.IsGreaterThan(50, snr);
        }
    }

    /// <summary>A model that float16 suits stays in it, measured or not.</summary>
    [TestMethod]
    public void Float16_with_measurement_is_no_worse()
    {
        var sample = SampleModels.Small;
        var inputs = sample.Inputs();
        var reference = Reference(sample);
        var feeds = inputs.ToDictionary(input => input.Key, input => NdArray.From(input.Value));
        var snr = new List<double>();
        foreach (var measured in new[] { false, true })
        {
            using var model = sample.Load();
            var metrics = PrecisionQuantizer.Run(model, new LayerSelector(), ShortFloat.Float16, keepIoTypes: true, new StageContext(), measured ? [feeds] : null);
            var (nodes, inFloat) = ((int)metrics["float16Nodes"]!, metrics["float32Nodes"]!.AsObject().Sum(item => (int)item.Value!));
            TestContext.WriteLine($"{nodes} nodes in float16, {inFloat} in float32: {metrics["keptByMeasurement"]?.ToJsonString()}");
            Assert.IsGreaterThan(0.85 * (nodes + inFloat), nodes);
            HalfArithmetic.Emulate(model);
            var outputs = ModelRunner.Run(model.ToBytes(), inputs, GraphOptimizationLevel.DisableAll);
            snr.Add(reference.Min(output => ModelRunner.SnrDb(output.Value, outputs[output.Key])));
        }

        TestContext.WriteLine($"{snr[0]:F1} dB, {snr[1]:F1} dB with measurement");
        Assert.IsGreaterThan(snr[0] - 1, snr[1]);
    }

    [TestMethod]
    [DataRow(QuantizationScheme.Int8Weights, QuantizationScheme.Fp16, 40)]
    [DataRow(QuantizationScheme.Fp16, QuantizationScheme.Int8Weights, 40)]
    [DataRow(QuantizationScheme.Int4, QuantizationScheme.Fp16, 20)]
    [DataRow(QuantizationScheme.Int8Dynamic, QuantizationScheme.Fp16, 25)]
    [DataRow(QuantizationScheme.Int8Weights, QuantizationScheme.Bf16, 35)]
    [DataRow(QuantizationScheme.Bf16, QuantizationScheme.Fp16, 35)]
    [DataRow(QuantizationScheme.Int8Weights, QuantizationScheme.Int8Dynamic, 25)]
    public void Schemes_follow_each_other(QuantizationScheme first, QuantizationScheme second, double leastDb)
    {
        var inputs = SampleModels.Small.Inputs();
        var reference = Reference(SampleModels.Small).Single();
        using var model = SampleModels.Small.Load();
        var stage = new QuantizeStage();
        stage.Run(model, new QuantizeOptions { Scheme = first }, new StageContext());

        // As in a recipe: the second stage reads what the first one wrote.
        using var between = Model.Parse(model.ToBytes());
        stage.Run(between, new QuantizeOptions { Scheme = second }, new StageContext());
        var snr = ModelRunner.SnrDb(reference.Value, ModelRunner.Run(between.ToBytes(), inputs)[reference.Key]);
        TestContext.WriteLine($"{first}, {second}: {snr:F1} dB");
        Assert.IsGreaterThan(leastDb, snr);
    }

    private static Dictionary<string, Tensor> Reference(SampleModel sample) =>
        s_references.GetOrAdd(sample.Name, _ => new(() => ModelRunner.Run(File.ReadAllBytes(sample.Path), sample.Inputs()))).Value;
}
