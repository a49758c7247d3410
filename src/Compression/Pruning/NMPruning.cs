using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning;

/// <summary>
/// N:M sparsity along the input channels (Mishra et al. 2021; SparseDM): for a convolution, the M consecutive input
/// channels of one output channel at one kernel tap, which is what sparse tensor cores multiply. Each weight is read once
/// for the metrics and once while saving.
/// </summary>
/// <param name="pattern">N and M.</param>
/// <param name="report">Takes the results.</param>
/// <param name="context">The stage's context.</param>
internal sealed class NMPruning(PrunePattern pattern, PruneReport report, StageContext context)
{
    private readonly (int N, int M) _pattern = pattern switch
    {
        PrunePattern.TwoOfFour => (2, 4),
        PrunePattern.FourOfEight => (4, 8),
        PrunePattern.OneOfFour => (1, 4),
        _ => throw new ArgumentOutOfRangeException(nameof(pattern)),
    };

    /// <summary>Prunes the layers whose input channels are divisible by M.</summary>
    public void Run(IReadOnlyList<Layer> layers)
    {
        foreach (var (index, layer) in layers.Index())
        {
            context.Report(index / (double)layers.Count, layer.Name);
            if (layer.Tensor.Count == 0)
            {
                report.Skip(layer, "it has no weights");
            }
            else if (layer.InputAxis is not { } axis)
            {
                report.Skip(layer, "its input channels are not an axis of the stored weight");
            }
            else if (layer.InputChannelsPerGroup is var channels && channels % _pattern.M != 0)
            {
                report.Skip(layer, $"{channels} input channels{(layer.Groups > 1 ? " per group" : "")} are not divisible by {_pattern.M}");
            }
            else if (layer.Tensor.Dims.Skip(axis + 1).Aggregate(1L, (product, dim) => product * dim) is var inner && inner > int.MaxValue / 64)
            {
                report.Skip(layer, $"its channels are too far apart ({inner} elements)");
            }
            else
            {
                switch (layer.Tensor.Type)
                {
                    case DataType.Float:
                        Prune<int>(layer, (int)inner);
                        break;
                    case DataType.Double:
                        Prune<long>(layer, (int)inner);
                        break;
                    default:
                        Prune<short>(layer, (int)inner);
                        break;
                }
            }
        }
    }

    private void Prune<TBits>(Layer layer, int inner)
        where TBits : unmanaged, IBinaryInteger<TBits>, IMinMaxValue<TBits>
    {
        var kernel = new NMKernel<TBits>(_pattern.N, _pattern.M, inner);
        var (data, type, block) = (layer.Tensor.Data, layer.Tensor.Type, kernel.Slab * Unsafe.SizeOf<TBits>());
        var infinity = TBits.CreateTruncating(Magnitude.Infinity(type));
        var workers = Enumerable.Range(0, TensorScan.Workers).Select(_ => new Worker()).ToArray();
        TensorScan.Run(data.Length, block, data.Read, workers, (worker, _, chunk) =>
        {
            var bits = MemoryMarshal.Cast<byte, TBits>(chunk);
            var (zeros, above) = Count(bits, infinity);
            (worker.Before, worker.Nans) = (worker.Before + zeros, worker.Nans + above);
            kernel.Apply(bits);
            worker.After += Count(bits, infinity).Zeros;
        }, context.CancellationToken);

        if (workers.Sum(worker => worker.Nans) is > 0 and var nans)
        {
            throw PruneReport.NotANumber(layer, nans);
        }

        var (before, after) = (workers.Sum(worker => worker.Before), workers.Sum(worker => worker.After));
        if (after == before)
        {
            report.Skip(layer, "it has the pattern already");
            return;
        }

        layer.Replace(new MaskedData(data, block, (_, bytes) => kernel.Apply(MemoryMarshal.Cast<byte, TBits>(bytes))));
        report.Add(layer, before, after);
    }

    /// <summary>How many elements are zero, and how many have a magnitude above a limit.</summary>
    private static (long Zeros, long Above) Count<TBits>(ReadOnlySpan<TBits> bits, TBits limit)
        where TBits : unmanaged, IBinaryInteger<TBits>, IMinMaxValue<TBits>
    {
        var (zeros, above) = (0L, 0L);
        Span<TBits> keys = stackalloc TBits[Magnitude.Tile];
        for (; bits.Length > 0; bits = bits[Math.Min(bits.Length, Magnitude.Tile)..])
        {
            var tile = keys[..Math.Min(bits.Length, Magnitude.Tile)];
            Magnitude.Abs(bits[..tile.Length], tile);
            var counts = Magnitude.CountZeros<TBits>(tile, limit);
            (zeros, above) = (zeros + counts.Zeros, above + counts.Above);
        }

        return (zeros, above);
    }

    private sealed class Worker
    {
        public long Before { get; set; }

        public long After { get; set; }

        public long Nans { get; set; }
    }
}
