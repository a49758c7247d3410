using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Optimization;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Training.Loop;

/// <summary>Data given as tensors whose first dimension counts samples, e.g. from .npy or .safetensors files. Large ones stay in their files.</summary>
public sealed class ArraySource : IBatchSource
{
    private readonly SampleOrder _order;
    private readonly KeyValuePair<string, Tensor>[] _tensors;

    /// <summary>A source of tensors.</summary>
    /// <param name="tensors">The tensors, by the names of the inputs they feed.</param>
    /// <param name="batchSize">Samples of a step.</param>
    /// <param name="shuffle">Whether each epoch has an order of its own; otherwise the samples come as they are stored.</param>
    /// <exception cref="CompressToolException">The tensors have different numbers of samples, or none (<see cref="TrainingErrors.InvalidData"/>).</exception>
    public ArraySource(IEnumerable<KeyValuePair<string, Tensor>> tensors, int batchSize, bool shuffle = true)
    {
        _tensors = [.. tensors.OrderBy(tensor => tensor.Key, StringComparer.Ordinal)];
        if (_tensors.Length == 0)
        {
            throw new CompressToolException(TrainingErrors.InvalidData, "there are no tensors to train on");
        }

        var count = Samples(_tensors[0]);
        if (_tensors.FirstOrDefault(tensor => Samples(tensor) != count) is { Key: not null } other)
        {
            throw new CompressToolException(TrainingErrors.InvalidData, $"'{_tensors[0].Key}' has {count} samples, but '{other.Key}' has {Samples(other)}");
        }

        _order = new SampleOrder(count, batchSize, shuffle);
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Describe() =>
        [.. _order.Describe(), .. _tensors.Select(tensor => KeyValuePair.Create($"data {tensor.Key}", $"{tensor.Value} {Checksum.Of(tensor.Value)}"))];

    /// <inheritdoc/>
    public Batch Read(ulong seed, long step, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var items = _order.Items(seed, step);
        var arrays = new Dictionary<string, NativeArray>();
        foreach (var (name, tensor) in _tensors)
        {
            arrays[name] = Rows(tensor, items);
        }

        return new Batch(items.Length, arrays);
    }

    /// <summary>Rows of a tensor, in an array of their own.</summary>
    internal static NativeArray Rows(Tensor tensor, int[] items)
    {
        var array = new NativeArray(tensor.Type, [items.Length, .. tensor.Dims.Skip(1)]);
        var bytes = array.AsSpan<byte>();
        var row = bytes.Length / items.Length;
        for (var i = 0; i < items.Length; i++)
        {
            tensor.Data.Read((long)items[i] * row, bytes.Slice(i * row, row));
        }

        return array;
    }

    private static int Samples(KeyValuePair<string, Tensor> tensor) =>
        tensor.Value.Dims.Count > 0 && tensor.Value.Dims[0] is > 0 and <= int.MaxValue ? (int)tensor.Value.Dims[0]
            : throw new CompressToolException(TrainingErrors.InvalidData, $"'{tensor.Key}' is {tensor.Value}; its first dimension must be the number of samples, 1 or more");
}

/// <summary>Which items of a data set the samples of a step are.</summary>
internal sealed class SampleOrder(int count, int batchSize, bool shuffle)
{
    private readonly int _batchSize = batchSize > 0 ? batchSize : throw new CompressToolException(TrainingErrors.InvalidOption, $"the batch size is {batchSize}; it must be 1 or more");
    private EpochOrder? _epochs;
    private ulong _seed;

    public IEnumerable<KeyValuePair<string, string>> Describe() =>
        [new("batch size", Numbers.Text(_batchSize)), new("shuffle", shuffle ? "yes" : "no")];

    /// <summary>The items of a step; epochs follow one another without a gap, whatever the batch size.</summary>
    public int[] Items(ulong seed, long step)
    {
        if (shuffle && (_epochs is null || _seed != seed))
        {
            (_epochs, _seed) = (new EpochOrder(seed, count), seed);
        }

        var items = new int[_batchSize];
        for (var i = 0; i < items.Length; i++)
        {
            var place = checked((step * _batchSize) + i);
            items[i] = shuffle ? _epochs![place] : (int)(place % count);
        }

        return items;
    }
}
