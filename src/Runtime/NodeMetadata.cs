using CompressTool.Onnx;

namespace CompressTool.Runtime;

/// <summary>An input, output or overridable initializer of a model.</summary>
public sealed record NodeMetadata
{
    /// <summary>The kind of value.</summary>
    public required OnnxValueType OnnxValueType { get; init; }

    /// <summary>True for a tensor.</summary>
    public bool IsTensor => OnnxValueType == OnnxValueType.Tensor;

    /// <summary>Element type of a tensor; <see cref="DataType.Undefined"/> for other kinds.</summary>
    public DataType ElementType { get; init; }

    /// <summary>Whether the rank is known; always true with libraries older than 1.24, which cannot tell.</summary>
    public bool HasShape { get; init; }

    /// <summary>The dimensions; -1 where the model has a symbol or nothing.</summary>
    public IReadOnlyList<long> Dimensions { get; init; } = [];

    /// <summary>The symbols of the dimensions; empty where there is none.</summary>
    public IReadOnlyList<string> SymbolicDimensions { get; init; } = [];

    /// <summary>E.g. <c>float32[batch,3,32,32]</c>.</summary>
    public override string ToString()
    {
        var dimensions = Dimensions.Zip(SymbolicDimensions, (size, symbol) => size >= 0 ? $"{size}" : symbol.Length > 0 ? symbol : "?");
        return !IsTensor ? OnnxValueType.ToString() : ElementType.DisplayName() + (HasShape ? $"[{string.Join(',', dimensions)}]" : "[...]");
    }
}
