using System.Text.Json.Nodes;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Loop;

namespace CompressTool.Compression.Distillation;

/// <summary>
/// Measures models on the same batches, which have other noise than those of the training: the weighted mean squared error
/// between output and target.
/// </summary>
/// <param name="source">The batches.</param>
/// <param name="output">The output that is compared.</param>
/// <param name="microBatch">Samples that are computed at once.</param>
/// <param name="context">The stage's context.</param>
/// <param name="target">The array of the batch that it is compared with.</param>
internal sealed class TaskEvaluation(IBatchSource source, string output, int microBatch, StageContext context, string target = NoisySource.Target)
{
    private const int Batches = 8;

    /// <summary>Turns the seed of the training into another one.</summary>
    private const ulong OtherSeed = 0x5DEE_CE66_D1CE_4E5B;

    private readonly OnnxRuntimeEngine _engine = new();

    /// <summary>Adds a model's error to the figures, unless the data has no target.</summary>
    public void Add(JsonObject metrics, string name, Model model)
    {
        using var function = _engine.Compile(model, cancellationToken: context.CancellationToken);
        Add(metrics, name, function);
    }

    /// <summary>Adds the error of the model in a file to the figures, unless it has other inputs and outputs.</summary>
    public void Add(JsonObject metrics, string name, string? path)
    {
        if (path is not null)
        {
            using var function = _engine.Compile(path, cancellationToken: context.CancellationToken);
            Add(metrics, name, function);
        }
    }

    private void Add(JsonObject metrics, string name, ICompiledFunction function)
    {
        var (sum, count) = (0.0, 0L);
        for (var step = 0; step < Batches; step++)
        {
            using var batch = source.Read((ulong)context.Seed ^ OtherSeed, step, context.CancellationToken);
            if (!batch.Arrays.ContainsKey(target) || function.Outputs.All(value => value.Name != output) || function.Inputs.Any(input => !batch.Arrays.ContainsKey(input.Name)))
            {
                return;
            }

            for (var first = 0; first < batch.Count; first += microBatch)
            {
                var part = batch.Slice(first, microBatch);
                var result = function.Run(function.Inputs.ToDictionary(input => input.Name, input => part.Arrays[input.Name].ToNdArray()), [output], context.CancellationToken)[output];
                if (result.Type != DataType.Float)
                {
                    return;
                }

                sum += Error(result.AsSpan<float>(), part);
                count += result.Count;
            }
        }

        metrics[name] = sum / count;
    }

    private double Error(ReadOnlySpan<float> result, Batch part)
    {
        var wanted = part.Arrays[target].AsSpan<float>();
        var weights = part.Arrays.TryGetValue(NoisySource.Weight, out var array) ? array.AsSpan<float>() : [];
        var (sum, size) = (0.0, result.Length / part.Count);
        for (var index = 0; index < result.Length; index++)
        {
            var difference = (double)result[index] - wanted[index];
            sum += difference * difference * (weights.IsEmpty ? 1 : weights[index / size]);
        }

        return sum;
    }
}
