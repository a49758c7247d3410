using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Loop;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Compression.Distillation;

/// <summary>Makes noisy samples of clean ones: the model's inputs, what it should predict, and the weight of each sample.</summary>
/// <param name="clean">The clean samples, float32, under the name of the input.</param>
/// <param name="task">How noisy they become, and what the model should predict.</param>
/// <param name="sample">The name of the input for samples.</param>
/// <param name="timestep">The input for timesteps.</param>
internal sealed class NoisySource(IBatchSource clean, DenoisingTask task, string sample, Value timestep) : IBatchSource
{
    /// <summary>The array of what the model should predict.</summary>
    public const string Target = "target";

    /// <summary>The array of the samples' weights in the loss.</summary>
    public const string Weight = "weight";

    public IEnumerable<KeyValuePair<string, string>> Describe() => clean.Describe();

    public Batch Read(ulong seed, long step, CancellationToken cancellationToken)
    {
        var batch = clean.Read(seed, step, cancellationToken);
        var arrays = new Dictionary<string, NativeArray>(batch.Arrays);
        try
        {
            var samples = arrays[sample];
            var target = arrays[Target] = new NativeArray(DataType.Float, samples.Dims);
            var weights = arrays[Weight] = new NativeArray(DataType.Float, batch.Count);
            var timesteps = new long[batch.Count];
            var (noises, times) = (new RandomSource(seed, "noise"), new RandomSource(seed, "timestep"));
            var size = (int)(samples.Count / batch.Count);
            var noise = new float[size];
            for (var item = 0; item < batch.Count; item++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var time = timesteps[item] = times.Stream(step, item).NextInt64(task.Schedule.Timesteps);
                noises.Stream(step, item).FillNormal(noise);
                Mix(samples.AsSpan<float>().Slice(item * size, size), target.AsSpan<float>().Slice(item * size, size), noise, task.MixAt(time), task.TargetAt(time));
                weights.AsSpan<float>()[item] = task.WeightAt(time);
            }

            arrays[timestep.Name] = new NativeArray(timestep.ElementType, batch.Count);
            SetTimesteps(arrays[timestep.Name], timesteps);
            return new Batch(batch.Count, arrays);
        }
        catch
        {
            foreach (var array in arrays.Values)
            {
                array.Dispose();
            }

            throw;
        }
    }

    /// <summary>Makes noisy samples of clean ones, in place, and what the model should predict.</summary>
    public static void Mix(Span<float> sample, Span<float> target, ReadOnlySpan<float> noise, (float OfSample, float OfNoise) mixed, (float OfSample, float OfNoise) wanted)
    {
        for (var index = 0; index < sample.Length; index++)
        {
            var (clean, random) = (sample[index], noise[index]);
            target[index] = (wanted.OfSample * clean) + (wanted.OfNoise * random);
            sample[index] = (mixed.OfSample * clean) + (mixed.OfNoise * random);
        }
    }

    /// <summary>Writes timesteps into an array of the type that the model takes.</summary>
    public static void SetTimesteps(NativeArray array, ReadOnlySpan<long> timesteps)
    {
        for (var item = 0; item < timesteps.Length; item++)
        {
            switch (array.Type)
            {
                case DataType.Int64: array.AsSpan<long>()[item] = timesteps[item]; break;
                case DataType.Int32: array.AsSpan<int>()[item] = (int)timesteps[item]; break;
                default: array.AsSpan<float>()[item] = timesteps[item]; break;
            }
        }
    }
}
