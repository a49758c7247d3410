using System.Numerics;
using System.Runtime.CompilerServices;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning;

/// <summary>A weight to select from, and what is found out about it.</summary>
/// <param name="layer">The layer.</param>
/// <param name="read">Reads its bytes.</param>
internal sealed class SelectionSource(Layer layer, ReadBytes read)
{
    public Layer Layer { get; } = layer;

    public Tensor Tensor { get; } = layer.Tensor;

    public ReadBytes Read { get; } = read;

    /// <summary>Elements that are zero.</summary>
    public long Zeros { get; set; }

    /// <summary>Elements below the threshold.</summary>
    public long Below { get; set; }

    /// <summary>Elements equal to the threshold that belong to the smallest k; they come first in the tensor.</summary>
    public long Ties { get; set; }

    /// <summary>Elements equal to the threshold before this index belong to the smallest k.</summary>
    public long TieEnd { get; set; }
}

/// <summary>
/// Finds the k smallest magnitudes over one or several tensors exactly, ties in order of the tensors and of their elements:
/// a radix selection, from the highest bits of the keys down. Every level is one pass that counts, in a histogram over its
/// bits, the keys that agree with the threshold so far; nothing is sorted or kept, so memory does not grow with the weights.
/// </summary>
/// <typeparam name="TKey">The key type; see <see cref="Magnitude"/>.</typeparam>
/// <param name="widths">Bits per level; together the bits of a key without sign. The last histogram is kept per tensor.</param>
/// <param name="cancellationToken">Cancels between chunks.</param>
internal sealed class MagnitudeSelection<TKey>(int[] widths, CancellationToken cancellationToken)
    where TKey : unmanaged, IBinaryInteger<TKey>, IMinMaxValue<TKey>
{
    private readonly Worker[] _workers = [.. Enumerable.Range(0, TensorScan.Workers).Select(_ => new Worker())];

    /// <summary>Finds the threshold: the k-th smallest magnitude. Fills in what the sources want to know.</summary>
    /// <param name="sources">The tensors, in order.</param>
    /// <param name="k">How many elements; at least 1, at most all.</param>
    /// <param name="report">Receives the share of passes done and the layer being read.</param>
    /// <exception cref="CompressToolException">A weight is not a number.</exception>
    public TKey Run(IReadOnlyList<SelectionSource> sources, long k, Action<double, string> report)
    {
        var (threshold, rank, shift) = (TKey.Zero, k, (Unsafe.SizeOf<TKey>() * 8) - 1);
        var each = new long[sources.Count][];
        for (var level = 0; level < widths.Length; level++)
        {
            // The keys that agree with the threshold so far.
            var (from, to) = (threshold, threshold + ((TKey.One << shift) - TKey.One));
            shift -= widths[level];
            var bins = 1 << widths[level];
            var last = level == widths.Length - 1;
            ClearCounts(bins);
            foreach (var (index, source) in sources.Index())
            {
                report((level + (index / (double)sources.Count)) / widths.Length, source.Layer.Name);
                Scan(source, level == 0, from, to, shift);
                if (last)
                {
                    each[index] = SumCounts(bins);
                    ClearCounts(bins);
                }
            }

            var total = SumCounts(bins);
            foreach (var counts in last ? each : [])
            {
                Add(total, counts);
            }

            var bin = 0;
            for (; rank > total[bin]; bin++)
            {
                rank -= total[bin];
            }

            threshold += TKey.CreateTruncating(bin) << shift;
            if (last)
            {
                Share(sources, each, bin, rank, threshold);
            }
        }

        return threshold;
    }

    /// <summary>Counts the keys between two bounds by their bits from <paramref name="shift"/> on; the first pass also looks for zeros and NaNs.</summary>
    private void Scan(SelectionSource source, bool first, TKey from, TKey to, int shift)
    {
        var type = source.Tensor.Type;
        var size = type.BitSize() / 8;
        var infinity = Magnitude.Widen<TKey>(type, Magnitude.Infinity(type));
        foreach (var worker in _workers)
        {
            (worker.Zeros, worker.Nans, worker.Below) = (0, 0, 0);
        }

        TensorScan.Run(source.Tensor.Data.Length, size, source.Read, _workers, (worker, _, chunk) =>
        {
            worker.Used = true;
            for (ReadOnlySpan<byte> rest = chunk; rest.Length > 0;)
            {
                var tile = rest[..Math.Min(rest.Length, Magnitude.Tile * size)];
                rest = rest[tile.Length..];
                var keys = worker.Keys.AsSpan(0, tile.Length / size);
                Magnitude.Load(type, tile, keys);
                if (first)
                {
                    var (zeros, nans) = Magnitude.CountZeros<TKey>(keys, infinity);
                    worker.Zeros += zeros;
                    worker.Nans += nans;
                    CountAll(keys, shift, worker.Counts);
                }
                else
                {
                    worker.Below += Magnitude.Count<TKey>(keys, TKey.Zero, from - TKey.One);
                    CountBetween(keys, from, to, shift, worker.Counts);
                }
            }
        }, cancellationToken);

        source.Below = _workers.Sum(worker => worker.Below);
        if (first)
        {
            source.Zeros = _workers.Sum(worker => worker.Zeros);
            if (_workers.Sum(worker => worker.Nans) is > 0 and var nans)
            {
                throw PruneReport.NotANumber(source.Layer, nans);
            }
        }
    }

    /// <summary>Hands the elements equal to the threshold that still belong to the smallest k to the tensors, first come first served.</summary>
    private void Share(IReadOnlyList<SelectionSource> sources, long[][] each, int bin, long rank, TKey threshold)
    {
        foreach (var (index, source) in sources.Index())
        {
            source.Below += each[index].Take(bin).Sum();
            var equal = each[index][bin];
            source.Ties = Math.Min(rank, equal);
            rank -= source.Ties;
            source.TieEnd = source.Ties == 0 ? 0 : source.Ties == equal ? source.Tensor.Count : IndexAfter(source, threshold, source.Ties);
        }
    }

    /// <summary>The index behind the n-th element of a magnitude.</summary>
    private long IndexAfter(SelectionSource source, TKey key, long n)
    {
        var type = source.Tensor.Type;
        var size = type.BitSize() / 8;
        var (keys, bytes) = (_workers[0].Keys, new byte[Magnitude.Tile * size]);
        for (long start = 0; ; start += Magnitude.Tile)
        {
            var tile = keys.AsSpan(0, (int)Math.Min(Magnitude.Tile, source.Tensor.Count - start));
            source.Read(start * size, bytes.AsSpan(0, tile.Length * size));
            Magnitude.Load<TKey>(type, bytes.AsSpan(0, tile.Length * size), tile);
            var found = Magnitude.Count<TKey>(tile, key, key);
            if (found < n)
            {
                n -= found;
                continue;
            }

            var index = -1;
            for (; n > 0; n--)
            {
                index += 1 + tile[(index + 1)..].IndexOf(key);
            }

            return start + index + 1;
        }
    }

    private static void CountAll(ReadOnlySpan<TKey> keys, int shift, long[] counts)
    {
        foreach (var key in keys)
        {
            counts[int.CreateTruncating(key >> shift)]++;
        }
    }

    private static void CountBetween(ReadOnlySpan<TKey> keys, TKey from, TKey to, int shift, long[] counts)
    {
        var (low, high) = (new Vector<TKey>(from), new Vector<TKey>(to));
        for (var index = 0; index < keys.Length; index += Vector<TKey>.Count)
        {
            var end = Math.Min(keys.Length, index + Vector<TKey>.Count);
            if (end - index == Vector<TKey>.Count)
            {
                // Few keys lie between the bounds; most vectors are passed over.
                var vector = new Vector<TKey>(keys[index..]);
                if ((Vector.GreaterThanOrEqual(vector, low) & Vector.LessThanOrEqual(vector, high)) == Vector<TKey>.Zero)
                {
                    continue;
                }
            }

            for (var lane = index; lane < end; lane++)
            {
                if (keys[lane] >= from && keys[lane] <= to)
                {
                    counts[int.CreateTruncating((keys[lane] - from) >> shift)]++;
                }
            }
        }
    }

    private static void Add(long[] sum, long[] counts)
    {
        for (var index = 0; index < sum.Length; index++)
        {
            sum[index] += counts[index];
        }
    }

    private void ClearCounts(int bins)
    {
        foreach (var worker in _workers)
        {
            if (worker.Counts.Length != bins)
            {
                worker.Counts = new long[bins];
            }
            else if (worker.Used)
            {
                Array.Clear(worker.Counts);
            }

            worker.Used = false;
        }
    }

    private long[] SumCounts(int bins)
    {
        var sum = new long[bins];
        foreach (var worker in _workers.Where(worker => worker.Used))
        {
            Add(sum, worker.Counts);
        }

        return sum;
    }

    private sealed class Worker
    {
        public TKey[] Keys { get; } = new TKey[Magnitude.Tile];

        public long[] Counts { get; set; } = [];

        public bool Used { get; set; }

        public long Zeros { get; set; }

        public long Nans { get; set; }

        public long Below { get; set; }
    }
}
