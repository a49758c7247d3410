using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Quantization.Static;

/// <summary>Quantizes small models and compares what they compute for inputs that calibration did not see.</summary>
internal static class StaticRuns
{
    private const int Unseen = 32;

    /// <summary>A model of one input x in opset 17.</summary>
    public static Model Build(Shape input, Func<Graph, Value> build)
    {
        var model = new Model { IrVersion = 8 };
        model.OpsetImports[""] = 17;
        model.Graph.AddInput(new Value("x", new TensorType(DataType.Float, input)));
        var output = build(model.Graph);
        output.Type = new TensorType(DataType.Float, null);
        model.Graph.Outputs.Add(output);
        return model;
    }

    /// <summary>A constant of random numbers.</summary>
    public static Value Random(this Graph graph, string name, double size, params long[] dims) => graph.AddInitializer(name, RandomTensors.Normal(name, 0, size, dims));

    /// <summary>Quantizes a model in place with random inputs.</summary>
    public static StageResult Quantize(Model model, QuantizeOptions options, int random = 32) => new QuantizeStage().Run(
        model,
        (object)(options with { Calibration = new CalibrationOptions { Random = random, Batch = 1, Method = CalibrationMethod.MinMax }, KeepEnds = false }),
        new StageContext { Seed = 3 });

    /// <summary>Inputs that calibration did not see.</summary>
    public static List<Dictionary<string, Tensor>> Inputs(Model model, int count = Unseen)
    {
        using var inputs = CalibrationSource.Open(model, new CalibrationOptions { Random = count, Batch = 1 }, new StageContext { Seed = 1003 });
        return [.. inputs.ReadAll(default).Select(feeds => feeds.Arrays.ToDictionary(array => array.Key, array => array.Value.ToTensor()))];
    }

    /// <summary>The first output of each run.</summary>
    public static List<Tensor> Run(byte[] model, IEnumerable<Dictionary<string, Tensor>> inputs) => [.. inputs.Select(input => ModelRunner.Run(model, input).Values.First(tensor => tensor.Type == DataType.Float))];

    /// <summary>The signal-to-noise ratio of all runs in dB.</summary>
    public static double SnrDb(List<Tensor> reference, List<Tensor> actual) => ModelRunner.SnrDb(Join(reference), Join(actual));

    /// <summary>The noise of a model quantized with options, in dB, on inputs that calibration did not see.</summary>
    public static (double SnrDb, StageResult Result) Measure(Func<Model> load, QuantizeOptions options, int random = 32)
    {
        using var model = load();
        var inputs = Inputs(model);
        var reference = Run(model.ToBytes(), inputs);
        var result = Quantize(model, options, random);
        return (SnrDb(reference, Run(result.Model.ToBytes(), inputs)), result);
    }

    private static Tensor Join(List<Tensor> tensors)
    {
        float[] numbers = [.. tensors.SelectMany(tensor => tensor.ToFloats())];
        return Tensor.Floats([numbers.Length], numbers);
    }
}
