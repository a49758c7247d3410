using System.Runtime.Intrinsics;
using CompressTool.Compression.Quantization;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Optimization;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>Adds up gradients, or their squares: one float32 number for each weight, however many there are.</summary>
/// <param name="parameters">The weights.</param>
internal sealed class GradientSum(ParameterSet parameters) : IDisposable
{
    /// <summary>The sums.</summary>
    public ParameterBlock Block { get; } = parameters.NewBlock();

    /// <summary>Adds gradients times a factor.</summary>
    public void Add(ParameterBlock gradients, double factor) => ForAll(gradients, (sum, gradient) => Add(sum.AsSpan<float>(), gradient.AsSpan<float>(), (float)factor));

    /// <summary>Adds squares of gradients times a factor.</summary>
    public void AddSquares(ParameterBlock gradients, double factor) => ForAll(gradients, (sum, gradient) => AddSquares(sum.AsSpan<float>(), gradient.AsSpan<float>(), (float)factor));

    /// <summary>The sums by the names of the weights, over the same memory.</summary>
    public Dictionary<string, Tensor> ToTensors() => new(Block.ToTensors());

    /// <inheritdoc/>
    public void Dispose() => Block.Dispose();

    private static void Add(Span<float> sum, ReadOnlySpan<float> gradient, float factor)
    {
        var index = 0;
        for (; index <= sum.Length - Vector512<float>.Count; index += Vector512<float>.Count)
        {
            var place = sum.Slice(index, Vector512<float>.Count);
            (Vector512.Create<float>(place) + (Vector512.Create(gradient[index..]) * factor)).CopyTo(place);
        }

        for (; index < sum.Length; index++)
        {
            sum[index] += gradient[index] * factor;
        }
    }

    private static void AddSquares(Span<float> sum, ReadOnlySpan<float> gradient, float factor)
    {
        var index = 0;
        for (; index <= sum.Length - Vector512<float>.Count; index += Vector512<float>.Count)
        {
            var place = sum.Slice(index, Vector512<float>.Count);
            var slope = Vector512.Create(gradient[index..]);
            (Vector512.Create<float>(place) + (slope * slope * factor)).CopyTo(place);
        }

        for (; index < sum.Length; index++)
        {
            sum[index] += gradient[index] * gradient[index] * factor;
        }
    }

    private void ForAll(ParameterBlock gradients, Action<NativeArray, NativeArray> add) =>
        ParallelWork.For(Block.Arrays.Count, 0, slot => add(Block.Arrays[slot], gradients.Arrays[slot]));
}
