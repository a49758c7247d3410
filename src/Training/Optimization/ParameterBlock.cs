using System.Runtime.InteropServices;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Training.Optimization;

/// <summary>
/// One float32 number for every element of every parameter, in one block of native memory: the parameters themselves, their
/// gradients, an optimizer's state or a moving average. Engines read and write its arrays in place.
/// </summary>
public sealed unsafe class ParameterBlock : IDisposable
{
    private readonly NativeArray _memory;
    private readonly NativeArray[] _arrays;

    /// <summary>A block of zeros.</summary>
    /// <exception cref="OutOfMemoryException">There is not as much memory.</exception>
    public ParameterBlock(ParameterLayout layout)
    {
        Layout = layout;
        _memory = new NativeArray(DataType.Float, layout.Length);
        _arrays = [.. layout.Slots.Select(slot => _memory.Part(slot.Offset * sizeof(float), DataType.Float, slot.Dims))];
    }

    /// <summary>Where each parameter lies.</summary>
    public ParameterLayout Layout { get; }

    /// <summary>The arrays of the parameters, in the order of <see cref="ParameterLayout.Slots"/>; views into this block.</summary>
    public IReadOnlyList<NativeArray> Arrays => _arrays;

    /// <summary>The array of a parameter; a view into this block.</summary>
    /// <exception cref="CompressToolException">There is none of that name (<see cref="TrainingErrors.InvalidParameter"/>).</exception>
    public NativeArray this[string name] => _arrays[Layout.IndexOf(name)];

    /// <summary>Address of the first element; the block is <see cref="ParameterLayout.Length"/> elements long.</summary>
    /// <exception cref="ObjectDisposedException">The memory has been freed.</exception>
    internal float* Pointer => (float*)_memory.Pointer;

    /// <summary>The parameter as a constant over the same memory: it must live, and not change, as long as the tensor is used.</summary>
    /// <exception cref="CompressToolException">There is none of that name (<see cref="TrainingErrors.InvalidParameter"/>).</exception>
    public Tensor ToTensor(string name)
    {
        var array = this[name];
        return new Tensor(DataType.Float, array.Dims, new NativeArrayData(array)) { Name = name };
    }

    /// <summary>All parameters by name, as constants over the same memory (<see cref="ToTensor(string)"/>).</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> ToTensors() => Layout.Slots.Select(slot => KeyValuePair.Create(slot.Name, ToTensor(slot.Name)));

    /// <summary>Copies a block of the same layout.</summary>
    public void CopyFrom(ParameterBlock source)
    {
        CheckLayout(source);
        Buffer.MemoryCopy(source.Pointer, Pointer, _memory.ByteLength, _memory.ByteLength);
        GC.KeepAlive(source);
    }

    /// <summary>Sets every element to zero.</summary>
    public void Clear() => NativeMemory.Clear(Pointer, (nuint)_memory.ByteLength);

    /// <summary>Exchanges the content of two blocks of the same layout, without memory for a third.</summary>
    public void Swap(ParameterBlock other)
    {
        CheckLayout(other);
        var a = Pointer;
        var b = other.Pointer;
        for (long i = 0; i < Layout.Length; i++)
        {
            (a[i], b[i]) = (b[i], a[i]);
        }

        GC.KeepAlive(other);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var array in _arrays)
        {
            array.Dispose();
        }

        _memory.Dispose();
    }

    /// <summary>Throws when a block has another layout.</summary>
    internal void CheckLayout(ParameterBlock other)
    {
        if (!Layout.Equals(other.Layout))
        {
            throw new ArgumentException("The blocks have different layouts.", nameof(other));
        }
    }
}
