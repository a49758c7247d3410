using System.Text.Json.Nodes;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Sampling;

/// <summary>
/// How the latents of a diffusion model are scaled against those of its autoencoder: the diffusion model sees
/// (latent - shift) scale.
/// </summary>
/// <param name="Scale">The factor.</param>
/// <param name="Shift">What is taken away before.</param>
public sealed record LatentScaling(double Scale = 0.18215, double Shift = 0)
{
    /// <summary>The scaling that an autoencoder's config.json says, that of Stable Diffusion 1 where it says nothing.</summary>
    public static LatentScaling From(JsonObject? config)
    {
        var standard = new LatentScaling();
        return new LatentScaling(Number("scaling_factor") ?? standard.Scale, Number("shift_factor") ?? standard.Shift);

        double? Number(string key) => config?[key] is JsonValue value && value.TryGetValue<double>(out var number) ? number : null;
    }
}

/// <summary>The decoder of an autoencoder: images from latents, one at a time, as images are much larger.</summary>
public sealed class LatentDecoder : IDisposable
{
    private readonly ICompiledFunction _function;
    private readonly LatentScaling _scaling;

    /// <summary>A decoder.</summary>
    /// <param name="function">The compiled model; it is disposed of with the decoder.</param>
    /// <param name="scaling">How latents are scaled.</param>
    /// <exception cref="CompressToolException">It has not one input and one output of float32 with 4 dimensions (CMP8104).</exception>
    public LatentDecoder(ICompiledFunction function, LatentScaling scaling)
    {
        (_function, _scaling) = (function, scaling);
        if (function.Inputs is not [{ Type: { ElementType: DataType.Float, Shape.Count: 4 } }] || function.Outputs is not [{ Type: { ElementType: DataType.Float } output }, ..] || output.Shape is not null and not { Count: 4 })
        {
            throw new CompressToolException(DiffusionErrors.UnsuitableDenoiser, $"the decoder must have one input and one output, float32 with 4 dimensions, but takes {string.Join("; ", function.Inputs)} and gives {string.Join("; ", function.Outputs)}");
        }
    }

    /// <summary>Pixels on a side of the image for each place of the latents; null when not known.</summary>
    public int? Enlargement { get; init; }

    /// <summary>Pixels on a side of the image for each place of the latents, as an autoencoder's config.json says: every level but one halves them; null when it does not say.</summary>
    public static int? EnlargementOf(JsonObject? config) => config?["block_out_channels"] is JsonArray { Count: > 0 and < 16 } levels ? 1 << (levels.Count - 1) : null;

    /// <summary>The number of channels of latents; null when the model does not say.</summary>
    public long? Channels => _function.Inputs[0].Type.Shape![1].Value;

    /// <summary>Decodes latents.</summary>
    /// <param name="latents">The latents, [N,C,H,W].</param>
    /// <param name="decoded">Called after each with the number done.</param>
    /// <param name="cancellationToken">Ends the model's run before its next node.</param>
    /// <returns>The images, [N,C,H,W].</returns>
    public NdArray Decode(NativeArray latents, Action<int>? decoded = null, CancellationToken cancellationToken = default)
    {
        var length = (int)(latents.Count / latents.Dims[0]);
        var (batch, rows) = ((int)(_function.Inputs[0].Type.Shape![0].Value ?? 1), (int)latents.Dims[0]);
        var input = new float[batch * length];
        long[]? dims = null;
        byte[] images = [];
        for (var first = 0; first < rows; first += batch)
        {
            var count = Math.Min(batch, rows - first);
            Arithmetic.Vectors.Scale((float)(1 / _scaling.Scale), latents.AsSpan<float>().Slice(first * length, count * length), input.AsSpan(0, count * length));
            Span<float> shifted = input.AsSpan(0, count * length);
            for (var i = 0; _scaling.Shift != 0 && i < shifted.Length; i++)
            {
                shifted[i] += (float)_scaling.Shift;
            }

            var feeds = new Dictionary<string, NdArray> { [_function.Inputs[0].Name] = NdArray.Create<float>(input, [batch, .. latents.Dims.Skip(1)]) };
            var output = _function.Run(feeds, [_function.Outputs[0].Name], cancellationToken)[_function.Outputs[0].Name];
            if (dims is null)
            {
                dims = [rows, .. output.Dims.Skip(1)];
                images = new byte[checked((long)rows * (output.Data.Length / batch))];
            }

            var rowBytes = output.Data.Length / batch;
            output.Data.Span[..(count * rowBytes)].CopyTo(images.AsSpan(first * rowBytes));
            decoded?.Invoke(first + count);
        }

        return new NdArray(DataType.Float, dims!, images);
    }

    /// <inheritdoc/>
    public void Dispose() => _function.Dispose();
}
