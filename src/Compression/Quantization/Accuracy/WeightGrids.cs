using System.Numerics;
using System.Runtime.InteropServices;

namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>What all grids can do.</summary>
internal static class WeightGrids
{
    /// <summary>Columns that are worked on at once.</summary>
    public const int SlabColumns = 64;

    /// <summary>Number of groups of a column.</summary>
    public static int Groups(this IWeightGrid grid, int rows) => (rows + grid.GroupSize - 1) / grid.GroupSize;

    /// <summary>Finds the parameters of all groups.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="weights">[K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    public static void FindAll(this IWeightGrid grid, float[] weights, int columns, int threads = 0)
    {
        var rows = weights.Length / columns;
        ForEachSlab(columns, threads, (first, count) =>
        {
            for (var (group, row) = (0, 0); row < rows; group++, row += grid.GroupSize)
            {
                grid.FindParameters(group, first, count, weights.AsSpan((row * columns) + first), columns, Math.Min(grid.GroupSize, rows - row));
            }
        });
    }

    /// <summary>Rounds all weights to the nearest code, with the parameters the grid has.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="weights">[K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <returns>The weights that the codes stand for.</returns>
    public static float[] RoundAll(this IWeightGrid grid, float[] weights, int columns, int threads = 0)
    {
        var rounded = new float[weights.Length];
        ForEachSlab(columns, threads, (first, count) =>
        {
            for (var place = first; place < weights.Length; place += columns)
            {
                grid.Round(place / columns, first, weights.AsSpan(place, count), rounded.AsSpan(place, count));
            }
        });
        return rounded;
    }

    /// <summary>Finds the parameters of all groups and rounds all weights to the nearest code.</summary>
    public static float[] RoundToNearest(this IWeightGrid grid, float[] weights, int columns, int threads = 0)
    {
        grid.FindAll(weights, columns, threads);
        return grid.RoundAll(weights, columns, threads);
    }

    /// <summary>Rounds a run of at most <see cref="SlabColumns"/> weights of one row to the nearest code and back.</summary>
    public static void Round(this IWeightGrid grid, int row, int firstColumn, ReadOnlySpan<float> weights, Span<float> rounded)
    {
        Span<float> scales = stackalloc float[SlabColumns];
        Span<float> zeroPoints = stackalloc float[SlabColumns];
        scales = scales[..weights.Length];
        zeroPoints = zeroPoints[..weights.Length];
        grid.GetParameters(row, firstColumn, scales, zeroPoints);
        grid.Encode(row, firstColumn, weights, rounded);
        Decode(scales, zeroPoints, rounded);
    }

    /// <summary>Runs work on slabs of columns.</summary>
    /// <param name="columns">N.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="work">Receives the first column and the number of columns.</param>
    /// <param name="cancellationToken">Cancels between slabs.</param>
    public static void ForEachSlab(int columns, int threads, Action<int, int> work, CancellationToken cancellationToken = default) => ParallelWork.For(
        (columns + SlabColumns - 1) / SlabColumns, threads, slab => work(slab * SlabColumns, Math.Min(SlabColumns, columns - (slab * SlabColumns))), cancellationToken);

    private static void Decode(ReadOnlySpan<float> scales, ReadOnlySpan<float> zeroPoints, Span<float> codes)
    {
        var wide = MemoryMarshal.Cast<float, Vector<float>>(codes);
        var wideScales = MemoryMarshal.Cast<float, Vector<float>>(scales);
        var wideZeros = MemoryMarshal.Cast<float, Vector<float>>(zeroPoints);
        for (var i = 0; i < wide.Length; i++)
        {
            wide[i] = (wide[i] - wideZeros[i]) * wideScales[i];
        }

        for (var i = wide.Length * Vector<float>.Count; i < codes.Length; i++)
        {
            codes[i] = (codes[i] - zeroPoints[i]) * scales[i];
        }
    }
}
