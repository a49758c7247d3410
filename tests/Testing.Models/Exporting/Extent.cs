using CompressTool.Onnx;

namespace CompressTool.Testing.Models;

/// <summary>A size: a number that is known while exporting, or one that the graph reads from a shape (an int64 scalar).</summary>
public readonly record struct Extent
{
    /// <summary>A number.</summary>
    public Extent(long number) => Number = number;

    /// <summary>A scalar of the graph.</summary>
    public Extent(Value value) => Value = value;

    /// <summary>The number; null when the graph computes it.</summary>
    public long? Number { get; }

    /// <summary>The scalar; null when it is a number.</summary>
    public Value? Value { get; }

    /// <summary>A number.</summary>
    public static implicit operator Extent(long number) => new(number);
}
