using CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// Improves quantized weights one by one (Behdin et al., "QuantEase", 2023): with all others fixed, the output's error is a
/// parabola in a weight, whose best code is that next to the vertex. Starts from any codes, those of <see cref="Gptq"/>,
/// <see cref="AdaRound"/> or rounding to nearest, and never makes the error larger. The grid's parameters stay as they are.
/// </summary>
internal static class CoordinateDescent
{
    /// <summary>Rows whose changes are told to all others with one matrix product.</summary>
    private const int Block = 64;

    /// <summary>Improves codes until a round changes none.</summary>
    /// <param name="weights">W, [K, N].</param>
    /// <param name="quantized">Weights on the grid, [K, N]; replaced by better ones.</param>
    /// <param name="columns">N.</param>
    /// <param name="hessian">H, [K, K].</param>
    /// <param name="grid">The grid with its parameters.</param>
    /// <param name="damping">What is added to the diagonal of H, as a share of its mean: keeps weights from following the samples too closely.</param>
    /// <param name="rounds">At most so many rounds over all rows.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="cancellationToken">Cancels between blocks; the weights are then usable.</param>
    /// <returns>Number of changes.</returns>
    public static long Improve(
        float[] weights, float[] quantized, int columns, double[] hessian, IWeightGrid grid, double damping = 0.01, int rounds = 8, int threads = 0, CancellationToken cancellationToken = default)
    {
        var rows = weights.Length / columns;
        var added = (float)(damping * HessianFactor.Mean(hessian, rows));
        var slopes = Slopes(weights, quantized, columns, hessian, added, threads);
        var (changes, total) = (new float[Math.Min(Block, rows) * columns], 0L);
        for (var round = 0; round < rounds; round++)
        {
            var inRound = 0L;
            for (var start = 0; start < rows; start += Block)
            {
                var (first, count) = (start, Math.Min(Block, rows - start));
                Array.Clear(changes);
                WeightGrids.ForEachSlab(columns, threads, (column, width) =>
                {
                    var slab = new Slab(grid, quantized, slopes, changes, columns, column, width);
                    Interlocked.Add(ref inRound, slab.Improve(hessian, rows, added, first, count));
                }, cancellationToken);
                MatrixProduct<float>.Add(
                    rows, columns, count, Operand<double>.Rows(hessian, rows, first), Operand<float>.Rows(changes, columns), Operand<float>.Rows(slopes, columns), 1, false, threads);
                FloatRows.AddScaled(added, changes.AsSpan(0, count * columns), slopes.AsSpan(first * columns, count * columns));
            }

            if (inRound == 0)
            {
                break;
            }

            total += inRound;
        }

        return total;
    }

    /// <summary>(H + λ) d: half the slope of the error in each weight.</summary>
    private static float[] Slopes(float[] weights, float[] quantized, int columns, double[] hessian, float added, int threads)
    {
        var (difference, slopes) = (new float[weights.Length], new float[weights.Length]);
        quantized.CopyTo(difference, 0);
        FloatRows.AddScaled(-1, weights, difference);
        OutputError.Multiply(hessian, difference, columns, slopes, threads);
        FloatRows.AddScaled(added, difference, slopes);
        return slopes;
    }

    /// <summary>Some columns, which one thread works on.</summary>
    private readonly record struct Slab(IWeightGrid Grid, float[] Quantized, float[] AllSlopes, float[] Changes, int Columns, int First, int Width)
    {
        public int Improve(double[] hessian, int size, float added, int first, int count)
        {
            // Inside the block the slopes are kept up to date here; all are after the block.
            var (slopes, number) = (new float[count * Width], 0);
            for (var i = 0; i < count; i++)
            {
                AllSlopes.AsSpan(((first + i) * Columns) + First, Width).CopyTo(slopes.AsSpan(i * Width));
            }

            Span<float> best = stackalloc float[Width];
            for (var i = 0; i < count; i++)
            {
                var row = first + i;
                var curvature = (float)hessian[row * (size + 1)] + added;
                if (!(hessian[row * (size + 1)] > 0))
                {
                    continue; // The input is always zero.
                }

                var current = Quantized.AsSpan((row * Columns) + First, Width);
                var slope = slopes.AsSpan(i * Width, Width);
                for (var column = 0; column < Width; column++)
                {
                    best[column] = current[column] - (slope[column] / curvature);
                }

                Grid.Round(row, First, best, best);
                var change = Changes.AsSpan((i * Columns) + First, Width);
                var before = number;
                for (var column = 0; column < Width; column++)
                {
                    var step = best[column] - current[column];
                    if (step != 0 && step * ((2 * slope[column]) + (step * curvature)) < 0)
                    {
                        (change[column], current[column]) = (step, best[column]);
                        number++;
                    }
                }

                for (var j = i + 1; j < count && number > before; j++)
                {
                    FloatRows.AddScaled((float)hessian[(row * size) + first + j], change, slopes.AsSpan(j * Width, Width));
                }
            }

            return number;
        }
    }
}
