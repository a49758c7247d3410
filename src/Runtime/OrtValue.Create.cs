using System.Buffers;
using System.Text;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime;

/// <content>Making tensors, and tensors of strings.</content>
public sealed unsafe partial class OrtValue
{
    /// <summary>A tensor over managed memory, without a copy: the memory stays pinned, and may be changed between runs.</summary>
    /// <param name="memory">The elements, row-major.</param>
    /// <param name="shape">The dimensions.</param>
    /// <exception cref="CompressToolException">The shape has another number of elements.</exception>
    public static OrtValue CreateTensorValueFromMemory<T>(Memory<T> memory, ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        var type = ElementTypes.Of<T>();
        if (type == DataType.Undefined)
        {
            throw new ArgumentException($"{typeof(T).Name} stands for no element type; name the type and give the raw bytes instead.", nameof(memory));
        }

        return FromPinned(type, memory.Pin(), (long)memory.Length * sizeof(T), shape);
    }

    /// <inheritdoc cref="CreateTensorValueFromMemory{T}(Memory{T}, ReadOnlySpan{long})"/>
    public static OrtValue CreateTensorValueFromMemory<T>(T[] memory, ReadOnlySpan<long> shape)
        where T : unmanaged => CreateTensorValueFromMemory(memory.AsMemory(), shape);

    /// <summary>A tensor over the raw bytes of its elements, without a copy: the memory stays pinned. As an input it is only read.</summary>
    /// <param name="type">The element type.</param>
    /// <param name="memory">The bytes, little-endian; types below 8 bits are packed.</param>
    /// <param name="shape">The dimensions.</param>
    /// <exception cref="CompressToolException">The shape needs another number of bytes.</exception>
    public static OrtValue CreateTensorValueFromMemory(DataType type, ReadOnlyMemory<byte> memory, ReadOnlySpan<long> shape) =>
        FromPinned(type, memory.Pin(), memory.Length, shape);

    /// <summary>A tensor over native memory, without a copy; the caller frees the memory after the value and everything that uses it.</summary>
    /// <param name="memoryInfo">Which device the memory belongs to.</param>
    /// <param name="type">The element type.</param>
    /// <param name="shape">The dimensions.</param>
    /// <param name="data">Address of the elements.</param>
    /// <param name="byteLength">Their length in bytes.</param>
    /// <exception cref="CompressToolException">The shape needs another number of bytes.</exception>
    public static OrtValue CreateTensorValueWithData(OrtMemoryInfo memoryInfo, DataType type, ReadOnlySpan<long> shape, nint data, long byteLength) =>
        Create(memoryInfo, type, shape, data, byteLength, default);

    /// <summary>A tensor in memory that ONNX Runtime allocates; its content is undefined.</summary>
    /// <param name="allocator">Where the memory comes from.</param>
    /// <param name="type">The element type.</param>
    /// <param name="shape">The dimensions.</param>
    public static OrtValue CreateAllocatedTensorValue(OrtAllocator allocator, DataType type, ReadOnlySpan<long> shape)
    {
        CheckShape(type, shape);
        using var lease = allocator.Handle.Acquire();
        nint pointer;
        fixed (long* dims = shape)
        {
            OrtStatus.Check(OrtLibrary.Api->CreateTensorAsOrtValue(lease.Pointer, dims, (nuint)shape.Length, ElementTypes.ToNative(type), &pointer), "Allocating a tensor");
        }

        return new OrtValue(new OrtHandle(pointer, OrtLibrary.Api->ReleaseValue, allocator.Handle), type, shape);
    }

    /// <summary>A tensor of strings.</summary>
    /// <param name="strings">The elements, row-major; copied.</param>
    /// <param name="shape">The dimensions.</param>
    /// <exception cref="CompressToolException">The shape has another number of elements.</exception>
    public static OrtValue CreateFromStrings(IReadOnlyCollection<string> strings, ReadOnlySpan<long> shape)
    {
        var value = CreateAllocatedTensorValue(OrtAllocator.Default, DataType.String, shape);
        try
        {
            if (value.ElementCount != strings.Count)
            {
                throw new CompressToolException(RuntimeErrors.InvalidInput, $"{strings.Count} strings were given for a tensor of shape [{string.Join(',', shape.ToArray())}], which has {value.ElementCount} elements.");
            }

            using var texts = new NativeTexts(strings);
            using var lease = value.Handle.Acquire();
            OrtStatus.Check(OrtLibrary.Api->FillStringTensor(lease.Pointer, texts.Pointers, (nuint)strings.Count), "Filling a tensor of strings");
            return value;
        }
        catch
        {
            value.Dispose();
            throw;
        }
    }

    /// <summary>The elements of a tensor of strings, row-major.</summary>
    public string[] GetStringTensorAsArray()
    {
        if (ElementType != DataType.String)
        {
            throw new InvalidOperationException($"The elements are {ElementType.DisplayName()}, not strings.");
        }

        using var value = Handle.Acquire();
        nuint length;
        OrtStatus.Check(OrtLibrary.Api->GetStringTensorDataLength(value.Pointer, &length), "Reading a tensor of strings");
        var count = checked((int)ElementCount);
        var bytes = new byte[checked((int)length)];
        var offsets = new nuint[count];
        fixed (byte* content = bytes)
        fixed (nuint* starts = offsets)
        {
            OrtStatus.Check(OrtLibrary.Api->GetStringTensorContent(value.Pointer, content, length, starts, (nuint)count), "Reading a tensor of strings");
        }

        var strings = new string[count];
        for (var i = 0; i < count; i++)
        {
            var end = i + 1 < count ? (int)offsets[i + 1] : bytes.Length;
            strings[i] = Encoding.UTF8.GetString(bytes, (int)offsets[i], end - (int)offsets[i]);
        }

        return strings;
    }

    private static OrtValue FromPinned(DataType type, MemoryHandle pin, long byteLength, ReadOnlySpan<long> shape)
    {
        try
        {
            return Create(OrtMemoryInfo.Cpu, type, shape, (nint)pin.Pointer, byteLength, pin);
        }
        catch
        {
            pin.Dispose();
            throw;
        }
    }

    private static OrtValue Create(OrtMemoryInfo memoryInfo, DataType type, ReadOnlySpan<long> shape, nint data, long byteLength, MemoryHandle pin)
    {
        var needed = CheckShape(type, shape);
        if (needed != byteLength)
        {
            throw new CompressToolException(RuntimeErrors.InvalidInput,
                $"A tensor {type.DisplayName()}[{string.Join(',', shape.ToArray())}] takes {needed} bytes, but {byteLength} were given.");
        }

        // Empty memory has no address, and ONNX Runtime wants one even for no elements.
        byte none;
        using var info = memoryInfo.Handle.Acquire();
        nint pointer;
        fixed (long* dims = shape)
        {
            OrtStatus.Check(OrtLibrary.Api->CreateTensorWithDataAsOrtValue(
                info.Pointer, data == 0 ? &none : (void*)data, (nuint)byteLength, dims, (nuint)shape.Length, ElementTypes.ToNative(type), &pointer), "Creating a tensor");
        }

        return new OrtValue(new OrtHandle(pointer, OrtLibrary.Api->ReleaseValue, pin: pin), type, shape);
    }

    // The bytes of a tensor.
    private static long CheckShape(DataType type, ReadOnlySpan<long> shape)
    {
        foreach (var dimension in shape)
        {
            if (dimension < 0)
            {
                throw new CompressToolException(RuntimeErrors.InvalidInput, $"The shape [{string.Join(',', shape.ToArray())}] of a tensor has a negative dimension.");
            }
        }

        try
        {
            return type.ByteSize(Count(shape));
        }
        catch (OverflowException exception)
        {
            throw new CompressToolException(RuntimeErrors.InvalidInput, $"The shape [{string.Join(',', shape.ToArray())}] of a tensor is too large.", inner: exception);
        }
    }
}
