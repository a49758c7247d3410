using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Diffusion.Samplers;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Sampling;

/// <summary>
/// Draws samples from a model: noise, then the steps of a sampler, each a run of the model over all samples. All samples of a
/// run go through a step before the next begins, and noise is drawn for all of them at once, so that a seed gives the same
/// samples with any batch size, which are those of a batch of that many in PyTorch.
/// </summary>
/// <param name="denoiser">The model.</param>
/// <param name="sampler">The sampler.</param>
public sealed class SamplingLoop(Denoiser denoiser, Sampler sampler)
{
    /// <summary>Draws samples.</summary>
    /// <param name="options">Which.</param>
    /// <param name="noise">Where noise comes from, e.g. a <see cref="TorchGenerator"/>.</param>
    /// <param name="progress">Told after every run of the model.</param>
    /// <param name="cancellationToken">Ends a run of the model before its next node.</param>
    /// <returns>The samples, float32, to be disposed of by the caller.</returns>
    /// <exception cref="CompressToolException">Sizes or conditions do not fit the model.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public NativeArray Run(SamplingOptions options, INoiseSource noise, IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (options.Count < 1 || options.Batch < 1)
        {
            throw new CompressToolException(DiffusionErrors.InvalidSampling, $"{options.Count} samples in batches of {options.Batch} are not possible: both must be at least 1");
        }

        var shape = denoiser.SampleShape(options.Shape);
        var channels = OutputChannels(shape);
        using var buffers = new SampleBuffers(options.Count, shape, sampler.NeedsVariance);
        var batches = new List<DenoiserBatch>();
        try
        {
            for (var first = 0; first < options.Count; first += options.Batch)
            {
                batches.Add(new DenoiserBatch(denoiser, buffers, options, first, Math.Min(options.Batch, options.Count - first), sampler.ScalesInput, channels));
            }

            Start(buffers, options, noise);
            Steps(batches, buffers, options, noise, progress, cancellationToken);
            return buffers.Samples;
        }
        catch
        {
            buffers.Samples.Dispose();
            throw;
        }
        finally
        {
            batches.ForEach(batch => batch.Dispose());
        }
    }

    private void Start(SampleBuffers buffers, SamplingOptions options, INoiseSource noise)
    {
        var samples = buffers.Samples.AsSpan<float>();
        if (options.Start is not { } start)
        {
            noise.FillNormal(samples);
        }
        else if (start.Type == DataType.Float && start.Dims.SequenceEqual(buffers.Samples.Dims))
        {
            start.AsSpan<float>().CopyTo(samples);
        }
        else
        {
            throw new CompressToolException(DiffusionErrors.InvalidSampling, $"the start is {start}, but {buffers.Samples} is needed");
        }

        Arithmetic.Vectors.Scale(sampler.InitialNoiseScale, samples, samples);
    }

    private void Steps(List<DenoiserBatch> batches, SampleBuffers buffers, SamplingOptions options, INoiseSource noise, IProgress<SamplingProgress>? progress, CancellationToken cancellationToken)
    {
        long done = 0, total = (long)sampler.Timesteps.Count * batches.Sum(batch => batch.Runs);
        progress?.Report(new SamplingProgress(done, total));
        sampler.Begin(options.Count, buffers.RowLength, noise);
        while (sampler.Position < sampler.Timesteps.Count)
        {
            foreach (var batch in batches)
            {
                cancellationToken.ThrowIfCancellationRequested();
                batch.Evaluate(sampler.InputScale, sampler.Timesteps[sampler.Position], () => progress?.Report(new SamplingProgress(++done, total)), cancellationToken);
            }

            sampler.Step(buffers.Outputs.AsSpan<float>(), buffers.Samples.AsSpan<float>(), buffers.Variances);
        }
    }

    /// <summary>How many times more channels the output has: 2 where it predicts variances, which samplers that do not need them drop.</summary>
    private int OutputChannels(long[] shape)
    {
        var channels = denoiser.Output.Type.Shape?[1].Value ?? shape[0];
        var predictsVariance = shape.Length == 3 && channels == 2 * shape[0];
        if (channels != shape[0] && !predictsVariance)
        {
            throw new CompressToolException(DiffusionErrors.UnsuitableDenoiser, $"no samples can be drawn from the model: its output {denoiser.Output} is not of the size of its samples, {denoiser.Sample}");
        }

        return predictsVariance ? 2
            : !sampler.NeedsVariance ? 1
            : throw new CompressToolException(DiffusionErrors.InvalidSampling, "the scheduler's variance_type is for models that predict variances, and this one does not; set it to 'fixed_small'");
    }
}
