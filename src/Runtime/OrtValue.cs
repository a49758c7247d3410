using CompressTool.Onnx;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime;

/// <summary>
/// A value of a model: nearly always a tensor. Its memory is ONNX Runtime's or the caller's (managed memory stays pinned
/// until the value and everything that uses it are gone). Spans handed out are valid until the value is disposed.
/// </summary>
public sealed unsafe partial class OrtValue : IDisposable
{
    private long[]? _shape;
    private DataType _elementType;
    private nint _data;

    /// <summary>Takes ownership of a native value.</summary>
    /// <param name="pointer">The value.</param>
    /// <param name="memoryOwner">The value whose memory it uses; null for its own.</param>
    internal OrtValue(nint pointer, OrtHandle? memoryOwner = null) => Handle = new OrtHandle(pointer, OrtLibrary.Api->ReleaseValue, memoryOwner);

    private OrtValue(OrtHandle handle, DataType elementType, ReadOnlySpan<long> shape)
    {
        Handle = handle;
        _elementType = elementType;
        _shape = shape.ToArray();
    }

    /// <summary>The kind of value.</summary>
    public OnnxValueType OnnxType
    {
        get
        {
            if (_shape is not null)
            {
                return OnnxValueType.Tensor;
            }

            using var value = Handle.Acquire();
            OnnxValueType type;
            OrtStatus.Check(OrtLibrary.Api->GetValueType(value.Pointer, &type), "Reading the type of a value");
            return type;
        }
    }

    /// <summary>True for a tensor.</summary>
    public bool IsTensor => OnnxType == OnnxValueType.Tensor;

    /// <summary>The element type of a tensor.</summary>
    public DataType ElementType
    {
        get
        {
            ReadTypeAndShape();
            return _elementType;
        }
    }

    /// <summary>The dimensions of a tensor; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape => ReadTypeAndShape();

    /// <summary>Number of elements of a tensor.</summary>
    public long ElementCount => Count(ReadTypeAndShape());

    /// <summary>Bytes of a tensor's data; 0 for strings.</summary>
    public long ByteLength => ElementType.ByteSize(ElementCount);

    /// <summary>Whether the tensor's data is in memory that the CPU can read.</summary>
    public bool IsOnCpu
    {
        get
        {
            using var value = Handle.Acquire();
            nint info;
            OrtStatus.Check(OrtLibrary.Api->GetTensorMemoryInfo(value.Pointer, &info), "Reading the place of a tensor");
            return OrtMemoryInfo.IsOnCpu(info);
        }
    }

    internal OrtHandle Handle { get; }

    /// <summary>The address of a tensor's data, on whatever device; valid until the value is disposed. For tensors too large for a span.</summary>
    public nint DataPointer
    {
        get
        {
            if (_data == 0)
            {
                if (ElementType == DataType.String)
                {
                    throw new InvalidOperationException($"A tensor of strings has no plain data; read it with {nameof(GetStringTensorAsArray)}.");
                }

                using var value = Handle.Acquire();
                void* data;
                OrtStatus.Check(OrtLibrary.Api->GetTensorMutableData(value.Pointer, &data), "Reading a tensor");
                _data = (nint)data;
            }

            return _data;
        }
    }

    /// <summary>The elements of a tensor in the CPU's memory, row-major.</summary>
    /// <typeparam name="T">The managed type of the elements; <see cref="byte"/> for the raw data of any type, <see cref="ushort"/> for the bits of 16-bit floats.</typeparam>
    /// <exception cref="InvalidOperationException">The elements are of another type, or on another device.</exception>
    /// <exception cref="OverflowException">There are more than fit in a span; use <see cref="DataPointer"/>.</exception>
    public ReadOnlySpan<T> GetTensorDataAsSpan<T>()
        where T : unmanaged => GetTensorMutableDataAsSpan<T>();

    /// <summary>The elements of a tensor in the CPU's memory, for writing too.</summary>
    /// <inheritdoc cref="GetTensorDataAsSpan{T}"/>
    public Span<T> GetTensorMutableDataAsSpan<T>()
        where T : unmanaged
    {
        if (!ElementTypes.IsReadableAs<T>(ElementType))
        {
            throw new InvalidOperationException($"The elements are {ElementType.DisplayName()}, not {typeof(T).Name}.");
        }

        if (!IsOnCpu)
        {
            throw new InvalidOperationException("The tensor is in the memory of another device; bind the output to the CPU's memory to read it.");
        }

        return new Span<T>((void*)DataPointer, checked((int)(ByteLength / sizeof(T))));
    }

    /// <summary>E.g. <c>float32[2,3,32,32]</c>.</summary>
    public override string ToString() => IsTensor ? $"{ElementType.DisplayName()}[{string.Join(',', Shape)}]" : OnnxType.ToString();

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    private static long Count(ReadOnlySpan<long> shape)
    {
        var count = 1L;
        foreach (var dimension in shape)
        {
            count = checked(count * dimension);
        }

        return count;
    }

    private long[] ReadTypeAndShape()
    {
        if (_shape is not null)
        {
            return _shape;
        }

        if (!IsTensor)
        {
            throw new InvalidOperationException($"The value is a {OnnxType}, not a tensor.");
        }

        using var value = Handle.Acquire();
        nint pointer;
        OrtStatus.Check(OrtLibrary.Api->GetTensorTypeAndShape(value.Pointer, &pointer), "Reading the type of a value");
        try
        {
            _elementType = TensorTypeInfo.ReadElementType(pointer);
            return _shape = TensorTypeInfo.ReadDimensions(pointer);
        }
        finally
        {
            OrtLibrary.Api->ReleaseTensorTypeAndShapeInfo(pointer);
        }
    }
}
