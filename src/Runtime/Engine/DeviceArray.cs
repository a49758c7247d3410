using CompressTool.Onnx;

namespace CompressTool.Runtime.Engine;

/// <summary>
/// The memory of the device on which functions of certain options run. Arrays in it pass from run to run, and from one
/// function to another of the same engine and options, without coming back to the host.
/// </summary>
public interface IDeviceMemory : IDisposable
{
    /// <summary>Bytes that have been copied between host and device on request, in both directions.</summary>
    long BytesCopied { get; }

    /// <summary>An array whose content is undefined. It must be disposed before the memory.</summary>
    /// <param name="type">The element type; not strings, nor types below 8 bits.</param>
    /// <param name="dims">The dimensions; none for a scalar.</param>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The engine lacks the provider, or the device has not as much memory (<see cref="RuntimeErrors"/>).</exception>
    DeviceArray Allocate(DataType type, params IReadOnlyList<long> dims);
}

/// <summary>An array of numbers in the memory of a device, which functions read and write in place.</summary>
public abstract class DeviceArray : IDisposable
{
    /// <summary>An array.</summary>
    /// <param name="type">The element type.</param>
    /// <param name="dims">The dimensions.</param>
    protected DeviceArray(DataType type, IReadOnlyList<long> dims)
    {
        Type = type;
        Dims = [.. dims];
        Count = Dims.Aggregate(1L, (count, dim) => checked(count * dim));
        ByteLength = type.ByteSize(Count);
    }

    /// <summary>The element type.</summary>
    public DataType Type { get; }

    /// <summary>The dimensions; empty for a scalar.</summary>
    public IReadOnlyList<long> Dims { get; }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    /// <summary>Number of bytes.</summary>
    public long ByteLength { get; }

    /// <summary>Copies an array of the host to the device.</summary>
    /// <param name="source">An array of the same type and dimensions.</param>
    public void CopyFrom(NativeArray source)
    {
        Check(source);
        Upload(source);
    }

    /// <summary>Copies the array to one of the host, once all runs that write it are done.</summary>
    /// <param name="target">An array of the same type and dimensions.</param>
    public void CopyTo(NativeArray target)
    {
        Check(target);
        Download(target);
    }

    /// <summary>Frees the memory.</summary>
    public abstract void Dispose();

    /// <summary>E.g. <c>float32[2,3,32,32]</c>.</summary>
    public override string ToString() => $"{Type.DisplayName()}[{string.Join(',', Dims)}]";

    /// <summary>Copies from the host.</summary>
    protected abstract void Upload(NativeArray source);

    /// <summary>Copies to the host.</summary>
    protected abstract void Download(NativeArray target);

    private void Check(NativeArray other)
    {
        if (other.Type != Type || !other.Dims.SequenceEqual(Dims))
        {
            throw new ArgumentException($"{other} cannot be copied to or from {this}.", nameof(other));
        }
    }
}
