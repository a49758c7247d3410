using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CompressTool.Onnx;

/// <summary>A constant array: element type, dimensions and bytes. Immutable; changing a weight means a new tensor.</summary>
public sealed class Tensor
{
    /// <summary>The metadata key of a tensor that, with the value <c>false</c>, training leaves as it is.</summary>
    public const string TrainableKey = "trainable";

    /// <summary>Creates a tensor over bytes.</summary>
    /// <param name="type">Element type; not <see cref="DataType.String"/>.</param>
    /// <param name="dims">Dimensions; empty for a scalar.</param>
    /// <param name="data">The bytes, packed and little-endian.</param>
    /// <exception cref="ArgumentException">The number of bytes does not fit type and dimensions.</exception>
    public Tensor(DataType type, IReadOnlyList<long> dims, TensorData data)
    {
        Type = type;
        Dims = dims;
        Data = data;
        Count = CountElements(dims);
        if (type.BitSize() == 0)
        {
            throw new ArgumentException($"A tensor of {type.DisplayName()} has no bytes.", nameof(type));
        }

        if (data.Length != type.ByteSize(Count))
        {
            throw new ArgumentException($"A {type.DisplayName()} tensor [{string.Join(',', dims)}] has {type.ByteSize(Count)} bytes, not {data.Length}.", nameof(data));
        }
    }

    /// <summary>Creates a tensor of strings (UTF-8).</summary>
    /// <exception cref="ArgumentException">The number of strings does not fit the dimensions.</exception>
    public Tensor(IReadOnlyList<long> dims, IReadOnlyList<ReadOnlyMemory<byte>> strings)
    {
        Type = DataType.String;
        Dims = dims;
        Data = new MemoryData(default);
        Strings = strings;
        Count = CountElements(dims);
        if (strings.Count != Count)
        {
            throw new ArgumentException($"A string tensor [{string.Join(',', dims)}] has {Count} elements, not {strings.Count}.", nameof(strings));
        }
    }

    /// <summary>Element type.</summary>
    public DataType Type { get; }

    /// <summary>Dimensions; empty for a scalar.</summary>
    public IReadOnlyList<long> Dims { get; }

    /// <summary>The bytes; empty for strings.</summary>
    public TensorData Data { get; }

    /// <summary>The elements of a string tensor, UTF-8; null otherwise.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>>? Strings { get; }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    /// <summary>Name inside an attribute or file; initializers are named by their value instead.</summary>
    public string Name { get; init; } = "";

    /// <summary>Documentation.</summary>
    public string DocString { get; init; } = "";

    /// <summary>Free key-value pairs of the format.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Metadata { get; init; } = [];

    /// <summary>False when the metadata say that training leaves it as it is, such as a table of positions.</summary>
    public bool IsTrainable => !Metadata.Any(pair => pair is { Key: TrainableKey, Value: "false" });

    internal ReadOnlyMemory<byte> UnknownFields { get; init; }

    /// <summary>Number of bytes in raw form; for strings the length of their texts.</summary>
    public long ByteLength => Strings is null ? Data.Length : Strings.Sum(text => (long)text.Length);

    /// <summary>Creates a tensor over a copy of managed elements.</summary>
    /// <typeparam name="T">An unmanaged type of the element's size.</typeparam>
    public static Tensor Create<T>(DataType type, IReadOnlyList<long> dims, ReadOnlySpan<T> elements)
        where T : unmanaged => new(type, dims, new MemoryData(MemoryMarshal.AsBytes(elements).ToArray()));

    /// <summary>A float32 tensor.</summary>
    public static Tensor Floats(IReadOnlyList<long> dims, params ReadOnlySpan<float> elements) => Create(DataType.Float, dims, elements);

    /// <summary>A one-dimensional int64 tensor, the form of shapes and axes.</summary>
    public static Tensor Int64s(params ReadOnlySpan<long> elements) => Create(DataType.Int64, [elements.Length], elements);

    /// <summary>An int64 scalar.</summary>
    public static Tensor Int64(long element) => Create<long>(DataType.Int64, [], [element]);

    /// <summary>A float32 scalar.</summary>
    public static Tensor Float(float element) => Create<float>(DataType.Float, [], [element]);

    /// <summary>A copy of the elements as they are stored.</summary>
    /// <typeparam name="T">An unmanaged type of the element's size (<see cref="System.Half"/> for float16, ushort for bfloat16).</typeparam>
    /// <exception cref="InvalidOperationException">The element type has another size.</exception>
    public T[] ToArray<T>()
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() * 8 != Type.BitSize())
        {
            throw new InvalidOperationException($"A tensor of {Type.DisplayName()} cannot be read as {typeof(T).Name}.");
        }

        var result = new T[Count];
        Data.Read(0, MemoryMarshal.AsBytes(result.AsSpan()));
        return result;
    }

    /// <summary>The elements of an integer or bool tensor as int64; for small tensors (shapes, axes, indices).</summary>
    /// <exception cref="InvalidOperationException">The element type is not an integer of 8 to 64 bits.</exception>
    public long[] ToInt64s() => Type switch
    {
        DataType.Int64 => ToArray<long>(),
        DataType.UInt64 => Array.ConvertAll(ToArray<ulong>(), x => checked((long)x)),
        DataType.Int32 => Array.ConvertAll(ToArray<int>(), x => (long)x),
        DataType.UInt32 => Array.ConvertAll(ToArray<uint>(), x => (long)x),
        DataType.Int16 => Array.ConvertAll(ToArray<short>(), x => (long)x),
        DataType.UInt16 => Array.ConvertAll(ToArray<ushort>(), x => (long)x),
        DataType.Int8 => Array.ConvertAll(ToArray<sbyte>(), x => (long)x),
        DataType.UInt8 or DataType.Bool => Array.ConvertAll(ToArray<byte>(), x => (long)x),
        _ => throw new InvalidOperationException($"A tensor of {Type.DisplayName()} does not hold integers."),
    };

    /// <summary>The elements of a floating-point tensor as float32.</summary>
    /// <exception cref="InvalidOperationException">The element type is not float16, bfloat16, float32 or float64.</exception>
    public float[] ToFloats() => Type switch
    {
        DataType.Float => ToArray<float>(),
        DataType.Double => Array.ConvertAll(ToArray<double>(), x => (float)x),
        DataType.Float16 => Array.ConvertAll(ToArray<Half>(), x => (float)x),
        DataType.BFloat16 => Array.ConvertAll(ToArray<ushort>(), x => BitConverter.UInt32BitsToSingle((uint)x << 16)),
        _ => throw new InvalidOperationException($"A tensor of {Type.DisplayName()} does not hold floating-point numbers."),
    };

    /// <summary>The same elements with other dimensions.</summary>
    public Tensor Reshape(params long[] dims) => Strings is null ? new Tensor(Type, dims, Data) { Name = Name } : new Tensor(dims, Strings) { Name = Name };

    /// <summary>The type and dimensions, e.g. <c>float32[64,3,3,3]</c>.</summary>
    public override string ToString() => $"{Type.DisplayName()}[{string.Join(',', Dims)}]";

    private static long CountElements(IReadOnlyList<long> dims)
    {
        long count = 1;
        foreach (var dim in dims)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(dim);
            count = checked(count * dim);
        }

        return count;
    }
}
