using System.Runtime.InteropServices;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Training.Optimization;

/// <summary>
/// The parameters of a model that are trained: their values and gradients, each in one block, and the masks of pruned ones.
/// The values live here once; engines of the CPU read them and write the gradients in place.
/// </summary>
public sealed class ParameterSet : IDisposable
{
    private readonly ParameterMask?[] _masks;
    private ParameterBlock? _gradients;

    private ParameterSet(ParameterLayout layout)
    {
        Layout = layout;
        Values = new ParameterBlock(layout);
        _masks = new ParameterMask?[layout.Slots.Count];
    }

    /// <summary>Where each parameter lies in a block.</summary>
    public ParameterLayout Layout { get; }

    /// <summary>The values.</summary>
    public ParameterBlock Values { get; }

    /// <summary>The gradients; the memory is taken when they are first asked for.</summary>
    public ParameterBlock Gradients => _gradients ??= NewBlock();

    /// <summary>Takes parameters into memory of their own, in the given order.</summary>
    /// <param name="parameters">Their values by name; float16, bfloat16 and float64 are converted to float32.</param>
    /// <exception cref="CompressToolException">A tensor does not hold floating-point numbers or a name is given twice (<see cref="TrainingErrors.InvalidParameter"/>), or a file cannot be read.</exception>
    public static ParameterSet Create(IEnumerable<KeyValuePair<string, Tensor>> parameters)
    {
        var given = parameters.ToList();
        foreach (var (name, tensor) in given)
        {
            if (tensor.Type is not (DataType.Float or DataType.Float16 or DataType.BFloat16 or DataType.Double))
            {
                throw new CompressToolException(TrainingErrors.InvalidParameter, $"'{name}' is {tensor}; only floating-point numbers of 16, 32 or 64 bits can be trained");
            }
        }

        var set = new ParameterSet(new ParameterLayout(given.Select(parameter => (parameter.Key, parameter.Value.Dims))));
        try
        {
            foreach (var (name, tensor) in given)
            {
                Fill(set.Values[name], tensor);
            }

            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>A further block of the same layout, filled with zeros; it belongs to the caller.</summary>
    public ParameterBlock NewBlock() => new(Layout);

    /// <summary>The mask of a parameter; null when all its weights are kept.</summary>
    /// <exception cref="CompressToolException">There is no parameter of that name (<see cref="TrainingErrors.InvalidParameter"/>).</exception>
    public ParameterMask? GetMask(string name) => _masks[Layout.IndexOf(name)];

    /// <summary>
    /// Freezes the pruned weights of a parameter, and sets them to zero: their gradients count as zero from now on, in the
    /// norm as in the update, and they stay zero whatever an optimizer does.
    /// </summary>
    /// <param name="name">The parameter.</param>
    /// <param name="mask">What is kept; null for everything.</param>
    /// <exception cref="CompressToolException">There is no parameter of that name, or the mask is of another size (<see cref="TrainingErrors.InvalidParameter"/>).</exception>
    public unsafe void SetMask(string name, ParameterMask? mask)
    {
        var index = Layout.IndexOf(name);
        var slot = Layout.Slots[index];
        if (mask is not null)
        {
            if (mask.Count != slot.Count)
            {
                throw new CompressToolException(TrainingErrors.InvalidParameter, $"a mask of {mask.Count} weights does not fit the parameter {slot}");
            }

            var values = (float*)Values.Arrays[index].Pointer;
            for (long i = 0; i < slot.Count; i++)
            {
                values[i] = mask[i] ? values[i] : 0;
            }
        }

        _masks[index] = mask;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Values.Dispose();
        _gradients?.Dispose();
    }

    /// <summary>The mask of a slot by its index.</summary>
    internal ParameterMask? MaskAt(int index) => _masks[index];

    private static void Fill(NativeArray target, Tensor source)
    {
        if (source.Type == DataType.Float)
        {
            target.CopyFrom(source);
        }
        else
        {
            // One tensor at a time, so that the conversion holds little more than the result.
            MemoryMarshal.AsBytes(source.ToFloats().AsSpan()).CopyTo(target.AsSpan<byte>());
        }
    }
}
