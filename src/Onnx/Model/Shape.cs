using System.Collections;
using System.Globalization;

namespace CompressTool.Onnx;

/// <summary>One dimension of a shape: a number, a symbol (<c>batch</c>, or an expression such as <c>2*batch</c>), or unknown.</summary>
public readonly record struct Dim
{
    /// <summary>A known dimension.</summary>
    public Dim(long value) => Value = value;

    /// <summary>A symbolic dimension.</summary>
    public Dim(string symbol) => Symbol = symbol;

    /// <summary>The number; null when symbolic or unknown.</summary>
    public long? Value { get; }

    /// <summary>The symbol; null when known or unknown.</summary>
    public string? Symbol { get; }

    /// <summary>The format's denotation (e.g. DATA_BATCH); null when not given.</summary>
    public string? Denotation { get; init; }

    /// <summary>An unknown dimension.</summary>
    public static Dim Unknown => default;

    /// <summary>True when neither number nor symbol is known.</summary>
    public bool IsUnknown => Value is null && Symbol is null;

    /// <summary>A known dimension.</summary>
    public static implicit operator Dim(long value) => new(value);

    /// <summary>The number, the symbol, or <c>?</c>.</summary>
    public override string ToString() => Value?.ToString(CultureInfo.InvariantCulture) ?? Symbol ?? "?";
}

/// <summary>The dimensions of a tensor of known rank; empty for a scalar. An unknown rank is a null shape.</summary>
/// <param name="dims">The dimensions.</param>
public sealed class Shape(params IReadOnlyList<Dim> dims) : IReadOnlyList<Dim>, IEquatable<Shape>
{
    /// <summary>The shape of a scalar.</summary>
    public static Shape Scalar { get; } = new();

    /// <summary>The rank.</summary>
    public int Count => dims.Count;

    /// <summary>True when every dimension is a number.</summary>
    public bool IsStatic => dims.All(dim => dim.Value is not null);

    /// <summary>A dimension; index from the front.</summary>
    public Dim this[int index] => dims[index];

    /// <summary>A shape of numbers.</summary>
    public static Shape Of(IEnumerable<long> dims) => new([.. dims.Select(dim => new Dim(dim))]);

    /// <summary>The dimensions as numbers; null when not all are known.</summary>
    public long[]? ToArray() => IsStatic ? [.. dims.Select(dim => dim.Value!.Value)] : null;

    /// <inheritdoc/>
    public IEnumerator<Dim> GetEnumerator() => dims.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(Shape? other) => other is not null && dims.SequenceEqual(other);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Shape);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var dim in dims)
        {
            hash.Add(dim);
        }

        return hash.ToHashCode();
    }

    /// <summary>E.g. <c>[batch,3,32,32]</c>.</summary>
    public override string ToString() => $"[{string.Join(',', dims)}]";
}

/// <summary>The type of a value.</summary>
/// <param name="Denotation">The format's denotation; null when not given.</param>
public abstract record OnnxType(string? Denotation);

/// <summary>A tensor type.</summary>
/// <param name="ElementType">Element type.</param>
/// <param name="Shape">The shape; null when the rank is unknown.</param>
/// <param name="Denotation">The format's denotation; null when not given.</param>
public sealed record TensorType(DataType ElementType, Shape? Shape, string? Denotation = null) : OnnxType(Denotation)
{
    /// <summary>E.g. <c>float32[batch,3,32,32]</c>.</summary>
    public override string ToString() => ElementType.DisplayName() + (Shape?.ToString() ?? "[...]");
}

/// <summary>A sequence, map, optional, opaque or sparse type, kept as the format has it.</summary>
/// <param name="Encoded">The encoded TypeProto.</param>
public sealed record OtherType(ReadOnlyMemory<byte> Encoded) : OnnxType((string?)null);
