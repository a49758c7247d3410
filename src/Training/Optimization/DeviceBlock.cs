using CompressTool.Runtime.Engine;

namespace CompressTool.Training.Optimization;

/// <summary>One float32 number for every element of every parameter, as a <see cref="ParameterBlock"/>, in the memory of a device: an array for each parameter.</summary>
public sealed class DeviceBlock : IDisposable
{
    private readonly DeviceArray[] _arrays;

    /// <summary>A block whose content is undefined.</summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The device has not as much memory.</exception>
    public DeviceBlock(ParameterLayout layout, IDeviceMemory memory)
    {
        Layout = layout;
        _arrays = new DeviceArray[layout.Slots.Count];
        try
        {
            for (var slot = 0; slot < _arrays.Length; slot++)
            {
                _arrays[slot] = memory.Allocate(Onnx.DataType.Float, layout.Slots[slot].Dims);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The parameters.</summary>
    public ParameterLayout Layout { get; }

    /// <summary>The arrays of the parameters, in the order of <see cref="ParameterLayout.Slots"/>.</summary>
    public IReadOnlyList<DeviceArray> Arrays => _arrays;

    /// <summary>Copies a block of the host to the device.</summary>
    public void CopyFrom(ParameterBlock source)
    {
        foreach (var (array, host) in _arrays.Zip(source.Arrays))
        {
            array.CopyFrom(host);
        }
    }

    /// <summary>Copies the block to one of the host.</summary>
    public void CopyTo(ParameterBlock target)
    {
        foreach (var (array, host) in _arrays.Zip(target.Arrays))
        {
            array.CopyTo(host);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var array in _arrays)
        {
            array?.Dispose();
        }
    }
}
