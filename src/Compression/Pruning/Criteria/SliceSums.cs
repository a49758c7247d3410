using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using CompressTool.Compression.Quantization;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Criteria;

/// <summary>
/// Adds terms of a tensor's elements up over its slices, along several axes in one pass that reads the tensor once, from
/// front to back. Sums are made in float64 in an order that depends on the shape alone, not on threads or the width of
/// vectors, so that they are the same on every machine.
/// </summary>
internal static class SliceSums
{
    /// <summary>Elements looked at in one go: they and their sums stay in the cache.</summary>
    private const int Tile = 1 << 14;

    /// <summary>Bands of rows are added up on their own and then together: enough for an even load, few enough for little memory.</summary>
    private const int MaxBands = 8, RowsPerBand = 16;

    /// <summary>The sums over the slices along each of some axes.</summary>
    /// <param name="weight">A floating-point tensor of rank 1 or more.</param>
    /// <param name="gradient">A tensor of the same shape; only for terms that use it.</param>
    /// <param name="axes">The axes.</param>
    /// <param name="kept">For each axis which indices count; null for all, of an axis or altogether.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>For each of the axes an array as long as the axis; the sums of indices that do not count are 0.</returns>
    public static double[][] Of<TTerm>(Tensor weight, Tensor? gradient, IReadOnlyList<int> axes, IReadOnlyList<bool[]?>? kept, CancellationToken cancellationToken)
        where TTerm : struct, ISliceTerm
    {
        var rows = checked((int)weight.Dims[0]);
        var width = rows == 0 ? 0 : checked((int)(weight.Count / rows));
        var (isInner, mask) = (axes.Any(axis => axis > 0), Mask(weight.Dims, width, kept));
        var bands = Math.Clamp(rows / RowsPerBand, 1, MaxBands);
        var (rowSums, columnSums) = (new double[rows], new double[bands][]);
        using var weights = new FloatView(weight);
        using var gradients = TTerm.UsesGradient ? new FloatView(gradient!) : null;
        ParallelWork.For(bands, weight.Count < Tile ? 1 : 0, Band, cancellationToken);

        foreach (var sums in columnSums.Skip(1))
        {
            for (var index = 0; index < sums.Length; index++)
            {
                columnSums[0][index] += sums[index];
            }
        }

        return [.. axes.Select(axis => axis == 0 ? rowSums : Fold(columnSums[0], weight.Dims, axis, kept?[axis]))];

        void Band(int band)
        {
            var sums = columnSums[band] = isInner ? new double[width] : [];
            float[] weightBuffer = weight.Type == DataType.Float ? [] : new float[Tile], gradientBuffer = gradient is null or { Type: DataType.Float } ? [] : new float[Tile];
            for (var row = (int)((long)rows * band / bands); row < (int)((long)rows * (band + 1) / bands); row++)
            {
                if (kept?[0] is { } rowsKept && !rowsKept[row])
                {
                    continue;
                }

                cancellationToken.ThrowIfCancellationRequested();
                for (var start = 0; start < width; start += Tile)
                {
                    var (place, count) = (((long)row * width) + start, Math.Min(Tile, width - start));
                    rowSums[row] += Add<TTerm>(
                        weights.Read(place, count, weightBuffer),
                        gradients is null ? [] : gradients.Read(place, count, gradientBuffer),
                        mask is null ? [] : mask.AsSpan(start, count),
                        isInner ? sums.AsSpan(start, count) : []);
                }
            }
        }
    }

    /// <summary>Adds the terms of elements to sums, and gives the sum of all. Most models are scored once: there is no time to be compiled twice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Add<TTerm>(ReadOnlySpan<float> weights, ReadOnlySpan<float> gradients, ReadOnlySpan<int> mask, Span<double> sums)
        where TTerm : struct, ISliceTerm
    {
        var (low, high) = (Vector512<double>.Zero, Vector512<double>.Zero);
        var index = 0;
        for (; index <= weights.Length - Vector512<float>.Count; index += Vector512<float>.Count)
        {
            var bits = Vector512.Create(weights[index..]);
            if (!mask.IsEmpty)
            {
                bits = (bits.AsInt32() & Vector512.Create(mask[index..])).AsSingle();
            }

            var (weightLow, weightHigh) = Vector512.Widen(bits);
            var (gradientLow, gradientHigh) = TTerm.UsesGradient ? Vector512.Widen(Vector512.Create(gradients[index..])) : default;
            var (termLow, termHigh) = (TTerm.Of(weightLow, gradientLow), TTerm.Of(weightHigh, gradientHigh));
            low += termLow;
            high += termHigh;
            if (!sums.IsEmpty)
            {
                var first = sums.Slice(index, Vector512<double>.Count);
                var second = sums.Slice(index + Vector512<double>.Count, Vector512<double>.Count);
                (Vector512.Create<double>(first) + termLow).CopyTo(first);
                (Vector512.Create<double>(second) + termHigh).CopyTo(second);
            }
        }

        var sum = 0.0;
        for (var lane = 0; lane < Vector512<double>.Count; lane++)
        {
            sum += low[lane] + high[lane];
        }

        for (; index < weights.Length; index++)
        {
            var term = mask.IsEmpty || mask[index] != 0 ? TTerm.Of(weights[index], TTerm.UsesGradient ? gradients[index] : 0) : 0;
            sum += term;
            if (!sums.IsEmpty)
            {
                sums[index] += term;
            }
        }

        return sum;
    }

    /// <summary>Which elements of a row count, as masks of bits: null when all do.</summary>
    private static int[]? Mask(IReadOnlyList<long> dims, int width, IReadOnlyList<bool[]?>? kept)
    {
        if (kept is null || kept.Skip(1).All(axis => axis is null))
        {
            return null;
        }

        var mask = new int[width];
        Array.Fill(mask, -1);
        for (var axis = 1; axis < dims.Count; axis++)
        {
            if (kept[axis] is { } indices)
            {
                ForRuns(width, dims, axis, (index, start, length) =>
                {
                    if (!indices[index])
                    {
                        mask.AsSpan(start, length).Clear();
                    }
                });
            }
        }

        return mask;
    }

    /// <summary>Sums of a row's places become sums of an axis' indices.</summary>
    private static double[] Fold(double[] sums, IReadOnlyList<long> dims, int axis, bool[]? kept)
    {
        var result = new double[dims[axis]];
        ForRuns(sums.Length, dims, axis, (index, start, length) =>
        {
            if (kept?[index] != false)
            {
                foreach (var sum in sums.AsSpan(start, length))
                {
                    result[index] += sum;
                }
            }
        });
        return result;
    }

    /// <summary>The runs of a row that lie at one index of an axis.</summary>
    private static void ForRuns(int width, IReadOnlyList<long> dims, int axis, Action<int, int, int> visit)
    {
        var length = (int)dims.Skip(axis + 1).Aggregate(1L, (product, dim) => product * dim);
        for (var (start, index) = (0, 0); start < width; start += length, index = index + 1 == dims[axis] ? 0 : index + 1)
        {
            visit(index, start, length);
        }
    }
}
