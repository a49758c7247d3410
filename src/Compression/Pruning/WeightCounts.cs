using System.Numerics;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning;

/// <summary>Counts weights of some kind.</summary>
internal static class WeightCounts
{
    /// <summary>How many elements of a floating-point tensor are zero, of either sign.</summary>
    public static long Zeros(Tensor tensor, CancellationToken cancellationToken) => tensor.Type switch
    {
        DataType.Float => Zeros<int>(tensor, cancellationToken),
        DataType.Double => Zeros<long>(tensor, cancellationToken),
        _ => Zeros<short>(tensor, cancellationToken),
    };

    private static long Zeros<TKey>(Tensor tensor, CancellationToken cancellationToken)
        where TKey : unmanaged, IBinaryInteger<TKey>, IMinMaxValue<TKey>
    {
        var size = tensor.Type.BitSize() / 8;
        var workers = Enumerable.Range(0, TensorScan.Workers).Select(_ => new Worker<TKey>()).ToArray();
        TensorScan.Run(tensor.Data.Length, size, tensor.Data.Read, workers, (worker, _, chunk) =>
        {
            for (ReadOnlySpan<byte> rest = chunk; rest.Length > 0;)
            {
                var tile = rest[..Math.Min(rest.Length, Magnitude.Tile * size)];
                rest = rest[tile.Length..];
                var keys = worker.Keys.AsSpan(0, tile.Length / size);
                Magnitude.Load(tensor.Type, tile, keys);
                worker.Zeros += Magnitude.CountZeros<TKey>(keys, TKey.MaxValue).Zeros;
            }
        }, cancellationToken);
        return workers.Sum(worker => worker.Zeros);
    }

    private sealed class Worker<TKey>
    {
        public TKey[] Keys { get; } = new TKey[Magnitude.Tile];

        public long Zeros { get; set; }
    }
}
