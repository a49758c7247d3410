using System.Runtime.InteropServices;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime.Engine;

/// <summary>
/// An array of numbers in native memory that may be written: parameters, gradients, and whatever a function shall read or
/// write in place. Aligned to 64 bytes, so that whole vectors never straddle a cache line.
/// </summary>
public sealed unsafe class NativeArray : IDisposable
{
    /// <summary>Alignment of the first element in bytes.</summary>
    public const int Alignment = 64;

    private readonly NativeArray? _whole;
    private void* _pointer;

    /// <summary>An array of zeros.</summary>
    /// <param name="type">The element type; not strings, nor types below 8 bits.</param>
    /// <param name="dims">The dimensions; none for a scalar.</param>
    /// <exception cref="OutOfMemoryException">There is not as much memory.</exception>
    public NativeArray(DataType type, params IReadOnlyList<long> dims)
        : this(type, dims, null, 0)
    {
        _pointer = NativeMemory.AlignedAlloc((nuint)Math.Max(ByteLength, 1), Alignment);
        NativeMemory.Clear(_pointer, (nuint)ByteLength);
        GC.AddMemoryPressure(Math.Max(ByteLength, 1));
    }

    private NativeArray(DataType type, IReadOnlyList<long> dims, NativeArray? whole, long offset)
    {
        if (type.BitSize() < 8 || type == DataType.Undefined)
        {
            throw new ArgumentException($"No array of {type.DisplayName()} in native memory.", nameof(type));
        }

        Type = type;
        Dims = [.. dims];
        Count = Dims.Aggregate(1L, (count, dim) => checked(count * dim));
        ByteLength = type.ByteSize(Count);
        _whole = whole;
        if (whole is not null)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(offset);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, whole.ByteLength - ByteLength);
            _pointer = (byte*)whole.Pointer + offset;
        }
    }

    /// <summary>Frees memory that nobody has disposed of.</summary>
    ~NativeArray() => Free();

    /// <summary>The element type.</summary>
    public DataType Type { get; }

    /// <summary>The dimensions; empty for a scalar.</summary>
    public IReadOnlyList<long> Dims { get; }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    /// <summary>Number of bytes.</summary>
    public long ByteLength { get; }

    /// <summary>Address of the first element.</summary>
    /// <exception cref="ObjectDisposedException">The memory has been freed.</exception>
    public nint Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer is null, this);
            return (nint)_pointer;
        }
    }

    /// <summary>A copy of an array.</summary>
    public static NativeArray From(NdArray array)
    {
        var result = new NativeArray(array.Type, array.Dims);
        array.Data.Span.CopyTo(new Span<byte>(result._pointer, checked((int)result.ByteLength)));
        return result;
    }

    /// <summary>A copy of a constant, read piece by piece.</summary>
    public static NativeArray From(Tensor tensor)
    {
        var result = new NativeArray(tensor.Type, tensor.Dims);
        result.CopyFrom(tensor);
        return result;
    }

    /// <summary>Copies a constant of the same type and number of elements, piece by piece.</summary>
    /// <exception cref="CompressToolException">Type or number of elements differ.</exception>
    public void CopyFrom(Tensor tensor)
    {
        if (tensor.Type != Type || tensor.Count != Count)
        {
            throw new CompressToolException(RuntimeErrors.InvalidInput, $"{tensor.Type.DisplayName()}[{string.Join(',', tensor.Dims)}] does not fit into {this}.");
        }

        const int chunk = 1 << 24;
        for (long offset = 0; offset < ByteLength; offset += chunk)
        {
            tensor.Data.Read(offset, new Span<byte>((byte*)Pointer + offset, (int)Math.Min(chunk, ByteLength - offset)));
        }
    }

    /// <summary>A part of this array as an array of its own, over the same memory, which is kept until the part is gone but must not be disposed before.</summary>
    /// <param name="byteOffset">Where it starts, in bytes.</param>
    /// <param name="type">Its element type.</param>
    /// <param name="dims">Its dimensions.</param>
    public NativeArray Part(long byteOffset, DataType type, params IReadOnlyList<long> dims) => new(type, dims, this, byteOffset);

    /// <summary>The elements.</summary>
    /// <typeparam name="T">The managed type of the elements; <see cref="byte"/> for the raw data of any type.</typeparam>
    /// <exception cref="InvalidOperationException">The elements are of another type.</exception>
    /// <exception cref="OverflowException">There are more than a span can hold; take <see cref="Part"/>s.</exception>
    public Span<T> AsSpan<T>()
        where T : unmanaged =>
        ElementTypes.IsReadableAs<T>(Type)
            ? new Span<T>((void*)Pointer, checked((int)(ByteLength / sizeof(T))))
            : throw new InvalidOperationException($"The elements are {Type.DisplayName()}, not {typeof(T).Name}.");

    /// <summary>A copy in managed memory.</summary>
    public NdArray ToNdArray() => new(Type, Dims, AsSpan<byte>().ToArray());

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>E.g. <c>float32[2,3,32,32]</c>.</summary>
    public override string ToString() => $"{Type.DisplayName()}[{string.Join(',', Dims)}]";

    private void Free()
    {
        if (_whole is null && _pointer is not null)
        {
            NativeMemory.AlignedFree(_pointer);
            GC.RemoveMemoryPressure(Math.Max(ByteLength, 1));
        }

        _pointer = null;
    }
}
