using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Sampling;

/// <summary>
/// A compiled diffusion model: what its inputs and outputs are for, by their names and shapes. Beside samples and timesteps
/// it may take classes and any other conditions.
/// </summary>
public sealed class Denoiser : IDisposable
{
    /// <summary>Tells the inputs and outputs of a function apart.</summary>
    /// <param name="function">The function; the denoiser disposes of it.</param>
    /// <exception cref="CompressToolException">It is not a diffusion model (CMP8104).</exception>
    public Denoiser(ICompiledFunction function)
    {
        Function = function;
        (Sample, Timestep, Labels, Conditions) = DenoiserInputs.Find(function.Inputs, out var missing) ?? throw Unsuitable($"{missing}: {string.Join("; ", function.Inputs)}");
        Output = function.Outputs.FirstOrDefault(output => output.Type.ElementType == Sample.Type.ElementType && (output.Type.Shape is null || output.Type.Shape.Count == Sample.Type.Shape!.Count))
            ?? throw Unsuitable($"none of its outputs has the type and the number of dimensions of {Sample}: {string.Join("; ", function.Outputs)}");
        if (Timestep.Type.ElementType is not (DataType.Int64 or DataType.Int32 or DataType.Float or DataType.Float16 or DataType.Double))
        {
            throw Unsuitable($"timesteps can be given as int64, int32, float32, float16 or float64, but not as {Timestep}");
        }
    }

    /// <summary>The noisy samples: float32 or float16.</summary>
    public FunctionValue Sample { get; }

    /// <summary>The timestep: one for all samples, or one for each.</summary>
    public FunctionValue Timestep { get; }

    /// <summary>A class for each sample; null where the model has no classes.</summary>
    public FunctionValue? Labels { get; }

    /// <summary>All other inputs: what the samples are to be like.</summary>
    public IReadOnlyList<FunctionValue> Conditions { get; }

    /// <summary>The prediction.</summary>
    public FunctionValue Output { get; }

    /// <summary>The compiled model.</summary>
    public ICompiledFunction Function { get; }

    /// <summary>The number of samples that every run takes; null where the model leaves it open.</summary>
    public long? FixedBatch => Sample.Type.Shape![0].Value;

    /// <summary>The shape of one sample.</summary>
    /// <param name="given">Dimensions for those that the model leaves open, from the last; null where none are given.</param>
    /// <exception cref="CompressToolException">A dimension is not known, or a given one is another than the model's (CMP8103).</exception>
    public long[] SampleShape(IReadOnlyList<long>? given = null)
    {
        var shape = Sample.Type.Shape!;
        var dims = new long[shape.Count - 1];
        for (var i = 0; i < dims.Length; i++)
        {
            var wanted = given is not null && given.Count >= dims.Length - i ? given[i - (dims.Length - given.Count)] : (long?)null;
            var own = shape[i + 1].Value;
            dims[i] = own is { } size && wanted is { } other && size != other ? throw Invalid($"the model takes samples of {shape}, and dimension {i + 1} cannot be {other}")
                : own ?? wanted ?? throw Invalid($"the model leaves dimension {i + 1} of its samples open ({shape}); give the size");
        }

        return dims;
    }

    /// <inheritdoc/>
    public void Dispose() => Function.Dispose();

    private static CompressToolException Unsuitable(string why) => new(DiffusionErrors.UnsuitableDenoiser, $"no samples can be drawn from the model: {why}");

    private static CompressToolException Invalid(string message) => new(DiffusionErrors.InvalidSampling, message);
}
