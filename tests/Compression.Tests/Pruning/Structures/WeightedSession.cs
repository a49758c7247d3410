using CompressTool.Onnx;
using CompressTool.Runtime;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>A session whose weights are inputs, so that each run can have others without loading the model again.</summary>
internal sealed class WeightedSession : IDisposable
{
    private readonly SessionOptions _options = new() { IntraOpNumThreads = 1, GraphOptimizationLevel = GraphOptimizationLevel.DisableAll };
    private readonly InferenceSession _session;
    private readonly Dictionary<string, OrtValue> _weights = [];

    public WeightedSession(byte[] bytes)
    {
        using var model = Model.Parse(bytes);
        foreach (var value in model.Graph.Values().Where(value => value.Uses.Count > 0 && Compression.Layers.ConstantOf(value) is { } tensor && tensor.Type.IsFloat() && tensor.Dims.Count > 0).ToArray())
        {
            var tensor = Compression.Layers.ConstantOf(value)!;
            _weights.Add(value.Name, ToValue(tensor));
            if (value.Producer is { } node)
            {
                var input = new Value(model.Graph.UniqueName(value.Name), new TensorType(tensor.Type, Shape.Of(tensor.Dims)));
                var name = value.Name;
                value.ReplaceAllUses(input);
                model.Graph.Remove(node);
                input.Name = name;
                model.Graph.AddInput(input);
            }
            else
            {
                var input = new Value("", new TensorType(tensor.Type, Shape.Of(tensor.Dims)));
                var name = value.Name;
                value.ReplaceAllUses(input);
                model.Graph.RemoveInitializer(value);
                input.Name = name;
                model.Graph.AddInput(input);
            }
        }

        _session = new InferenceSession(model.ToBytes(), _options);
    }

    /// <summary>Runs the model.</summary>
    /// <param name="inputs">Inputs by name.</param>
    /// <param name="weights">Weights that are others than those of the model.</param>
    public float[] Run(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyDictionary<string, Tensor> weights)
    {
        var own = inputs.Concat(weights).ToDictionary(pair => pair.Key, pair => ToValue(pair.Value));
        var all = _weights.Where(pair => !own.ContainsKey(pair.Key)).Concat(own).ToDictionary();
        using var outputs = _session.Run(all);
        foreach (var value in own.Values)
        {
            value.Dispose();
        }

        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    public void Dispose()
    {
        _session.Dispose();
        _options.Dispose();
        foreach (var value in _weights.Values)
        {
            value.Dispose();
        }
    }

    private static OrtValue ToValue(Tensor tensor)
    {
        var bytes = new byte[tensor.ByteLength];
        tensor.Data.Read(0, bytes);
        return OrtValue.CreateTensorValueFromMemory(tensor.Type, bytes, [.. tensor.Dims]);
    }
}
