using System.Runtime.InteropServices;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime.Engine;

/// <summary>An array of numbers in managed memory: what goes into and comes out of a function. Immutable.</summary>
public sealed class NdArray
{
    /// <summary>An array over raw bytes, which are not copied and must not change.</summary>
    /// <param name="type">The element type; not strings.</param>
    /// <param name="dims">The dimensions; empty for a scalar.</param>
    /// <param name="data">The elements, row-major and little-endian; types below 8 bits are packed.</param>
    /// <exception cref="CompressToolException">The dimensions need another number of bytes.</exception>
    public NdArray(DataType type, IReadOnlyList<long> dims, ReadOnlyMemory<byte> data)
    {
        Type = type;
        Dims = [.. dims];
        Data = data;
        long needed;
        try
        {
            Count = Dims.Aggregate(1L, (count, dim) => checked(count * dim));
            needed = type.BitSize() == 0 || Dims.Any(dim => dim < 0) ? -1 : type.ByteSize(Count);
        }
        catch (OverflowException)
        {
            needed = -1;
        }

        if (needed != data.Length)
        {
            throw new CompressToolException(RuntimeErrors.InvalidInput, $"{data.Length} bytes are not the data of an array {type.DisplayName()}[{string.Join(',', dims)}].");
        }
    }

    /// <summary>The element type.</summary>
    public DataType Type { get; }

    /// <summary>The dimensions; empty for a scalar.</summary>
    public IReadOnlyList<long> Dims { get; }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    /// <summary>The elements, row-major and little-endian; types below 8 bits are packed.</summary>
    public ReadOnlyMemory<byte> Data { get; }

    /// <summary>An array of copied elements.</summary>
    /// <param name="elements">The elements, row-major; the type is theirs.</param>
    /// <param name="dims">The dimensions; none for a scalar.</param>
    /// <exception cref="CompressToolException">The dimensions have another number of elements.</exception>
    public static NdArray Create<T>(ReadOnlySpan<T> elements, params IReadOnlyList<long> dims)
        where T : unmanaged => new(ElementTypes.Of<T>(), dims, MemoryMarshal.AsBytes(elements).ToArray());

    /// <inheritdoc cref="Create{T}(ReadOnlySpan{T}, IReadOnlyList{long})"/>
    public static NdArray Create<T>(T[] elements, params IReadOnlyList<long> dims)
        where T : unmanaged => Create<T>(elements.AsSpan(), dims);

    /// <summary>The content of a tensor; copied unless it is in managed memory already.</summary>
    public static NdArray From(Tensor tensor)
    {
        if (tensor.Data is MemoryData memory)
        {
            return new NdArray(tensor.Type, tensor.Dims, memory.Memory);
        }

        var data = new byte[tensor.ByteLength];
        tensor.Data.Read(0, data);
        return new NdArray(tensor.Type, tensor.Dims, data);
    }

    /// <summary>A tensor over the same memory.</summary>
    public Tensor ToTensor() => new(Type, Dims, new MemoryData(Data));

    /// <summary>The elements.</summary>
    /// <typeparam name="T">The managed type of the elements; <see cref="byte"/> for the raw data of any type, <see cref="ushort"/> for the bits of 16-bit floats.</typeparam>
    /// <exception cref="InvalidOperationException">The elements are of another type.</exception>
    public ReadOnlySpan<T> AsSpan<T>()
        where T : unmanaged =>
        ElementTypes.IsReadableAs<T>(Type)
            ? MemoryMarshal.Cast<byte, T>(Data.Span)
            : throw new InvalidOperationException($"The elements are {Type.DisplayName()}, not {typeof(T).Name}.");

    /// <summary>E.g. <c>float32[2,3,32,32]</c>.</summary>
    public override string ToString() => $"{Type.DisplayName()}[{string.Join(',', Dims)}]";
}
