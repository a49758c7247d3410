using CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// AWQ (Lin et al., MLSys 2024): rows of the weight that meet large inputs are scaled up before quantization and the inputs
/// scaled down, as far as it lowers the error of the output; then the range of each group is clipped in the same way. The error
/// is computed from the Hessian, which gives that of the samples exactly.
/// </summary>
internal static class AwqScales
{
    private const int Steps = 20;

    /// <summary>Scales are kept from zero.</summary>
    private const double Least = 1e-4;

    /// <summary>Finds scales and clipping.</summary>
    /// <param name="weights">W, [K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="inputSizes">E[|x|] of each input, [K].</param>
    /// <param name="hessian">H, [K, K].</param>
    /// <param name="grid">The grid; holds the parameters of the result afterwards.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="cancellationToken">Cancels between candidates.</param>
    public static AwqResult Find(
        float[] weights, int columns, ReadOnlySpan<double> inputSizes, double[] hessian, IWeightGrid grid, int threads = 0, CancellationToken cancellationToken = default)
    {
        var rows = inputSizes.Length;
        var search = new Search(weights, columns, hessian, grid, threads);
        var ones = new float[rows];
        Array.Fill(ones, 1);
        var plain = search.Errors(ones, null).Sum();
        var (best, scales, ratio) = (plain, ones, (double?)null);
        var weightSizes = RelativeSizes(weights, columns, grid.GroupSize, rows);
        for (var step = 0; step <= Steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var candidate = Candidate(inputSizes, weightSizes, (double)step / Steps);
            var error = search.Errors(candidate, null).Sum();
            if (error < best)
            {
                (best, scales, ratio) = (error, candidate, (double)step / Steps);
            }
        }

        var clips = search.FindClips(scales, cancellationToken);
        return new AwqResult(scales, clips, ratio, plain, search.Errors(scales, clips).Sum());
    }

    /// <summary>The weight to quantize: scaled, then clipped.</summary>
    /// <param name="weights">W, [K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="scales">[K].</param>
    /// <param name="clips">[groups, N]; null for none.</param>
    /// <param name="groupSize">Rows of a group.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    public static float[] Apply(float[] weights, int columns, float[] scales, float[]? clips, int groupSize, int threads = 0)
    {
        var result = new float[weights.Length];
        var rows = scales.Length;
        WeightGrids.ForEachSlab(columns, threads, (first, count) =>
        {
            var limits = new float[count];
            for (var row = 0; row < rows; row++)
            {
                if (clips is not null && row % groupSize == 0)
                {
                    Limits(row, first, limits);
                }

                for (var column = 0; column < count; column++)
                {
                    var place = (row * columns) + first + column;
                    var scaled = weights[place] * scales[row];
                    result[place] = clips is null ? scaled : Math.Clamp(scaled, -limits[column], limits[column]);
                }
            }
        });
        return result;

        void Limits(int row, int first, float[] limits)
        {
            Array.Clear(limits);
            for (var k = row; k < Math.Min(rows, row + groupSize); k++)
            {
                for (var column = 0; column < limits.Length; column++)
                {
                    limits[column] = Math.Max(limits[column], Math.Abs(weights[(k * columns) + first + column] * scales[k]));
                }
            }

            for (var column = 0; column < limits.Length; column++)
            {
                limits[column] *= clips![(row / groupSize * columns) + first + column];
            }
        }
    }

    /// <summary>s = x^r / (w^(1 - r) + 1e-4), then divided by the root of its largest times its smallest.</summary>
    private static float[] Candidate(ReadOnlySpan<double> inputSizes, double[] weightSizes, double ratio)
    {
        var scales = new double[inputSizes.Length];
        for (var row = 0; row < scales.Length; row++)
        {
            scales[row] = Math.Max(Least, Math.Pow(inputSizes[row], ratio) / (Math.Pow(weightSizes[row], 1 - ratio) + 1e-4));
        }

        var middle = Math.Sqrt(scales.Max() * scales.Min());
        return Array.ConvertAll(scales, scale => (float)(scale / middle));
    }

    /// <summary>The mean size of each row's weights, each as a share of the largest of its group.</summary>
    private static double[] RelativeSizes(float[] weights, int columns, int groupSize, int rows)
    {
        var sizes = new double[rows];
        var largest = new float[columns];
        for (var row = 0; row < rows; row++)
        {
            if (row % groupSize == 0)
            {
                Array.Clear(largest);
                for (var i = row * columns; i < Math.Min(rows, row + groupSize) * columns; i++)
                {
                    largest[i % columns] = Math.Max(largest[i % columns], Math.Abs(weights[i]));
                }
            }

            for (var column = 0; column < columns; column++)
            {
                sizes[row] += Math.Abs(weights[(row * columns) + column]) / (largest[column] + 1e-6) / columns;
            }
        }

        return sizes;
    }

    /// <summary>Quantizes candidates and measures them.</summary>
    private sealed class Search(float[] weights, int columns, double[] hessian, IWeightGrid grid, int threads)
    {
        /// <summary>Clipping tries to take off up to a half of the range.</summary>
        private const int Clips = Steps / 2;

        private readonly int _rows = weights.Length / columns;
        private readonly float[] _product = new float[weights.Length];

        /// <summary>dᵀ H d of every column.</summary>
        public double[] Errors(float[] scales, float[]? clips)
        {
            var difference = Difference(scales, clips);
            OutputError.Multiply(hessian, difference, columns, _product, threads);
            return OutputError.Dot(difference, _product, columns);
        }

        /// <summary>
        /// The clipping of each group that makes the group's own part of the output best; columns that lose by it as a whole, since
        /// groups do not know of each other, are not clipped.
        /// </summary>
        public float[] FindClips(float[] scales, CancellationToken cancellationToken)
        {
            var groups = grid.Groups(_rows);
            var (best, clips) = (new double[groups * columns], new float[groups * columns]);
            for (var step = 0; step <= Clips; step++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var share = 1 - ((float)step / Steps);
                var candidate = new float[clips.Length];
                Array.Fill(candidate, share);
                var errors = GroupErrors(Difference(scales, step == 0 ? null : candidate));
                for (var i = 0; i < errors.Length; i++)
                {
                    if (step == 0 || errors[i] < best[i])
                    {
                        (best[i], clips[i]) = (errors[i], share);
                    }
                }
            }

            var (plain, clipped) = (Errors(scales, null), Errors(scales, clips));
            for (var i = 0; i < clips.Length; i++)
            {
                clips[i] = clipped[i % columns] <= plain[i % columns] ? clips[i] : 1;
            }

            return clips;
        }

        /// <summary>dᵀ H d of every group, [groups, N], as if the others had no error.</summary>
        private double[] GroupErrors(float[] difference)
        {
            Array.Clear(_product);
            var errors = new double[grid.Groups(_rows) * columns];
            ParallelWork.For(grid.Groups(_rows), grid.Groups(_rows) > 1 ? threads : 1, group =>
            {
                var first = group * grid.GroupSize;
                var (count, start) = (Math.Min(grid.GroupSize, _rows - first), first * columns);
                MatrixProduct<float>.Add(
                    count, columns, count, Operand<double>.Rows(hessian, _rows, first * (_rows + 1)), Operand<float>.Rows(difference, columns, start),
                    Operand<float>.Rows(_product, columns, start), 1, false, grid.Groups(_rows) > 1 ? 1 : threads);
                OutputError.Dot(difference.AsSpan(start, count * columns), _product.AsSpan(start, count * columns), columns).CopyTo(errors, group * columns);
            });
            return errors;
        }

        /// <summary>What the quantized candidate, scaled back, differs from the weight.</summary>
        private float[] Difference(float[] scales, float[]? clips)
        {
            var difference = grid.RoundToNearest(Apply(weights, columns, scales, clips, grid.GroupSize, threads), columns, threads);
            ParallelWork.For(_rows, threads, row =>
            {
                for (var place = row * columns; place < (row + 1) * columns; place++)
                {
                    difference[place] = (difference[place] / scales[row]) - weights[place];
                }
            });
            return difference;
        }
    }
}

/// <summary>What <see cref="AwqScales"/> found.</summary>
/// <param name="Scales">Factors of the weight's rows, by which inputs are divided, [K].</param>
/// <param name="Clips">Shares of the range that each group keeps, [groups, N].</param>
/// <param name="Ratio">The exponent r of the inputs' sizes; null when no scaling was best.</param>
/// <param name="PlainError">tr dᵀ H d without scaling and clipping.</param>
/// <param name="Error">tr dᵀ H d with them.</param>
internal sealed record AwqResult(float[] Scales, float[] Clips, double? Ratio, double PlainError, double Error);
