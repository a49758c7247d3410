using CompressTool.Compression.Evaluation;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Tests.Evaluation;

/// <summary>Two small model files, original.onnx and final.onnx, and an engine that runs what the test says.</summary>
internal sealed class GateBench : IDisposable
{
    private readonly TempFolder _folder = new();

    public FakeEngine Engine { get; } = new();

    public string Original => _folder.File("original.onnx");

    public string Final => _folder.File("final.onnx");

    public IReadOnlyDictionary<string, string>? InputFiles { get; set; }

    public GateContext Context => new() { OriginalPath = Original, FinalPath = Final, Engine = Engine, InputFiles = InputFiles, Seed = 3 };

    /// <summary>Writes the original: inputs of these types, and nothing but a node that takes the first.</summary>
    public void SaveOriginal(params (string Name, TensorType Type)[] inputs) => SaveModel(Original, inputs);

    public static void SaveModel(string path, params (string Name, TensorType Type)[] inputs)
    {
        using var model = new Model();
        model.OpsetImports[""] = 17;
        foreach (var (name, type) in inputs)
        {
            model.Graph.AddInput(new Value(name, type));
        }

        var output = new Value("y", inputs[0].Type);
        model.Graph.Add(new Node("Identity", [model.Graph.Inputs[0]], [output], "identity"));
        model.Graph.Outputs.Add(output);
        model.Save(path);
    }

    /// <summary>Makes both models functions from x, float32[n], to outputs of given values.</summary>
    public void Functions(Dictionary<string, float[]> original, Dictionary<string, float[]> final)
    {
        SaveOriginal(("x", FloatType(4)));
        Engine.Add("original.onnx", [new("x", FloatType(4))], [.. original.Select(item => new FunctionValue(item.Key, FloatType(item.Value.Length)))], _ => Arrays(original));
        Engine.Add("final.onnx", [new("x", FloatType(4))], [.. final.Select(item => new FunctionValue(item.Key, FloatType(item.Value.Length)))], _ => Arrays(final));
    }

    public static TensorType FloatType(params long[] dims) => new(DataType.Float, Shape.Of(dims));

    public string File(string name) => _folder.File(name);

    public void Dispose() => _folder.Dispose();

    private static Dictionary<string, NdArray> Arrays(Dictionary<string, float[]> values) =>
        values.ToDictionary(item => item.Key, item => NdArray.Create(item.Value, [item.Value.Length]));
}
