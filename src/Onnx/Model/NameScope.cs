using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx;

/// <summary>The values that a name can mean inside a graph: its own, then those of the graphs around it.</summary>
internal sealed class NameScope(NameScope? outer)
{
    private readonly Dictionary<string, Value> _values = [];

    /// <summary>Adds a value of this graph.</summary>
    /// <exception cref="CompressToolException">Its name is taken.</exception>
    public Value Declare(Value value) => _values.TryAdd(value.Name, value) ? value
        : throw new CompressToolException(OnnxErrors.InvalidGraph, $"two values of the graph are named '{value.Name}'");

    /// <summary>The value of this graph with a name; null when there is none.</summary>
    public Value? Local(string name) => _values.GetValueOrDefault(name);

    /// <summary>The value that a name means; null when there is none.</summary>
    public Value? Find(string name) => Local(name) ?? outer?.Find(name);
}
