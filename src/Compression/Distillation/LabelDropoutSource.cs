using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Loop;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Compression.Distillation;

/// <summary>
/// Replaces some labels by that of no class, so that the model also learns to do without: classifier-free guidance (Ho and
/// Salimans 2022) needs both.
/// </summary>
/// <param name="source">The batches.</param>
/// <param name="labels">The array of labels.</param>
/// <param name="rate">The share of samples that lose their label.</param>
/// <param name="nullLabel">The label of no class.</param>
internal sealed class LabelDropoutSource(IBatchSource source, string labels, double rate, int nullLabel) : IBatchSource
{
    public IEnumerable<KeyValuePair<string, string>> Describe() =>
        [.. source.Describe(), new("label dropout", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{rate:R} to {nullLabel}"))];

    public Batch Read(ulong seed, long step, CancellationToken cancellationToken)
    {
        var batch = source.Read(seed, step, cancellationToken);
        var random = new RandomSource(seed, "label dropout");
        var array = batch.Arrays[labels];
        for (var item = 0; item < batch.Count; item++)
        {
            if (random.Stream(step, item).NextDouble() < rate)
            {
                Set(array, item, nullLabel);
            }
        }

        return batch;
    }

    /// <summary>Labels in the type of the input that takes them.</summary>
    public static Tensor Convert(long[] labels, DataType type) => type switch
    {
        DataType.Int32 => Tensor.Create<int>(type, [labels.Length], Array.ConvertAll(labels, label => (int)label)),
        DataType.Float => Tensor.Create<float>(type, [labels.Length], Array.ConvertAll(labels, label => (float)label)),
        _ => Tensor.Int64s(labels),
    };

    private static void Set(NativeArray array, int item, int label)
    {
        switch (array.Type)
        {
            case DataType.Int32: array.AsSpan<int>()[item] = label; break;
            case DataType.Float: array.AsSpan<float>()[item] = label; break;
            default: array.AsSpan<long>()[item] = label; break;
        }
    }
}
