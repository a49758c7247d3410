using CompressTool.Compression.Distillation;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Loop;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>One batch of clean samples with one noise, at one timestep after another: all that changes is how much noise there is.</summary>
internal sealed class NoisyBatch : IDisposable
{
    private readonly float[] _clean, _noise;
    private readonly DenoisingTask _task;
    private readonly NativeArray _sample, _timestep, _target;

    /// <summary>Prepares a batch.</summary>
    /// <param name="clean">The clean samples, and what else the model takes; belongs to this from now on.</param>
    /// <param name="noise">As many numbers of noise.</param>
    /// <param name="task">How noisy the samples become, and what the model should predict.</param>
    /// <param name="sample">The name of the input for samples.</param>
    /// <param name="timestep">The input for timesteps.</param>
    public NoisyBatch(Batch clean, float[] noise, DenoisingTask task, string sample, Value timestep)
    {
        (_noise, _task) = (noise, task);
        _sample = clean.Arrays[sample];
        _clean = _sample.AsSpan<float>().ToArray();
        _timestep = new NativeArray(timestep.ElementType, clean.Count);
        _target = new NativeArray(DataType.Float, _sample.Dims);
        Batch = new Batch(clean.Count, new Dictionary<string, NativeArray>(clean.Arrays) { [timestep.Name] = _timestep, [NoisySource.Target] = _target });
    }

    /// <summary>The model's inputs and what it should predict.</summary>
    public Batch Batch { get; }

    /// <summary>Normal noise for a batch.</summary>
    /// <param name="seed">The recipe's seed.</param>
    /// <param name="samples">The array of the samples.</param>
    public static float[] Draw(ulong seed, NativeArray samples)
    {
        var source = new RandomSource(seed, "importance noise");
        var noise = new float[samples.Count];
        var size = (int)(samples.Count / samples.Dims[0]);
        for (var item = 0; item < samples.Dims[0]; item++)
        {
            source.Stream(0, item).FillNormal(noise.AsSpan(item * size, size));
        }

        return noise;
    }

    /// <summary>Sets the timestep of all samples.</summary>
    public void Set(long timestep)
    {
        var samples = _sample.AsSpan<float>();
        _clean.CopyTo(samples);
        NoisySource.Mix(samples, _target.AsSpan<float>(), _noise, _task.MixAt(timestep), _task.TargetAt(timestep));
        var timesteps = new long[Batch.Count];
        Array.Fill(timesteps, timestep);
        NoisySource.SetTimesteps(_timestep, timesteps);
    }

    /// <inheritdoc/>
    public void Dispose() => Batch.Dispose();
}
