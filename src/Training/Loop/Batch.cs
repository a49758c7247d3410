using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Training.Loop;

/// <summary>The data of a training step: arrays by name whose first dimension counts samples.</summary>
public sealed class Batch : IDisposable
{
    /// <summary>A batch that owns its arrays.</summary>
    /// <param name="count">Number of samples; the first dimension of every array.</param>
    /// <param name="arrays">The arrays, by the names of the inputs they feed.</param>
    /// <exception cref="CompressToolException">An array has another first dimension (<see cref="TrainingErrors.InvalidData"/>).</exception>
    public Batch(int count, IReadOnlyDictionary<string, NativeArray> arrays)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        foreach (var (name, array) in arrays)
        {
            if (array.Dims.Count == 0 || array.Dims[0] != count)
            {
                throw new CompressToolException(TrainingErrors.InvalidData, $"'{name}' is {array}; its first dimension must be the number of samples, {count}");
            }
        }

        Count = count;
        Arrays = arrays;
    }

    /// <summary>Number of samples.</summary>
    public int Count { get; }

    /// <summary>The arrays, by the names of the inputs they feed.</summary>
    public IReadOnlyDictionary<string, NativeArray> Arrays { get; }

    /// <summary>Some samples of this batch as a batch over the same memory, which must live longer.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="count">How many.</param>
    public Batch Slice(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, Count - count);
        return new Batch(count, Arrays.ToDictionary(pair => pair.Key, pair =>
            pair.Value.Part(pair.Value.ByteLength / Count * first, pair.Value.Type, [count, .. pair.Value.Dims.Skip(1)])));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var array in Arrays.Values)
        {
            array.Dispose();
        }
    }
}
