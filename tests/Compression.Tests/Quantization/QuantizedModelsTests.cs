using CompressTool.Compression.Quantization;
using CompressTool.Compression.Stages;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>Every scheme on every exported model: the result loads in ONNX Runtime, runs, and stays near the float32 model.</summary>
[TestClass]
public sealed class QuantizedModelsTests
{
    public required TestContext TestContext { get; init; }

    /// <summary>Least signal-to-noise ratio of the outputs in dB, by scheme. The models are small and most of them random, which is harder than real ones.</summary>
    private static readonly (QuantizeOptions Options, double LeastDb)[] s_schemes =
    [
        (new QuantizeOptions { Scheme = QuantizationScheme.Fp16 }, 50),
        (new QuantizeOptions { Scheme = QuantizationScheme.Fp16, KeepIoTypes = false }, 50),
        (new QuantizeOptions { Scheme = QuantizationScheme.Int8Dynamic }, 22),
        (new QuantizeOptions { Scheme = QuantizationScheme.Int8Weights }, 35),
        (new QuantizeOptions { Scheme = QuantizationScheme.Int8Weights, AccuracyLevel = 1, Symmetric = false, BlockSize = 64 }, 40),
        (new QuantizeOptions { Scheme = QuantizationScheme.Int4 }, 16),
    ];

    public static IEnumerable<object[]> Cases => SampleModels.All.SelectMany(model => s_schemes.Select((_, index) => new object[] { model.Name, index }));

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Outputs_stay_near_those_of_the_float32_model(string name, int scheme)
    {
        var sample = SampleModels.All.Single(model => model.Name == name);
        var (options, leastDb) = s_schemes[scheme];
        var inputs = sample.Inputs();
        var reference = ModelRunner.Run(File.ReadAllBytes(sample.Path), inputs);

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
}
