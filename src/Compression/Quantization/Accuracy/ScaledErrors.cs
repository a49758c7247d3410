using CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>Quantizes a weight that was scaled and clipped as <see cref="AwqScales"/> does, and measures what that does to the outputs.</summary>
/// <param name="weights">W, [K, N].</param>
/// <param name="columns">N.</param>
/// <param name="hessian">H, [K, K].</param>
/// <param name="grid">The grid; holds the parameters of the last weight that was measured.</param>
/// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
internal sealed class ScaledErrors(float[] weights, int columns, double[] hessian, IWeightGrid grid, int threads)
{
    private readonly int _rows = weights.Length / columns;
    private readonly float[] _product = new float[weights.Length];

    /// <summary>dᵀ H d of every column.</summary>
    /// <param name="scales">[K].</param>
    /// <param name="clips">[groups, N]; null for none.</param>
    public double[] OfColumns(float[] scales, float[]? clips)
    {
        var difference = Difference(scales, clips);
        OutputError.Multiply(hessian, difference, columns, _product, threads);
        return OutputError.Dot(difference, _product, columns);
    }

    /// <summary>dᵀ H d of every group, [groups, N], as if the others had no error.</summary>
    /// <param name="scales">[K].</param>
    /// <param name="clips">[groups, N]; null for none.</param>
    public double[] OfGroups(float[] scales, float[]? clips)
    {
        var difference = Difference(scales, clips);
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
        // Clips are for the range alone; what was cut off takes the nearest code that there is.
        var scaled = AwqScales.Apply(weights, columns, scales, null, grid.GroupSize, threads);
        grid.FindAll(clips is null ? scaled : AwqScales.Apply(weights, columns, scales, clips, grid.GroupSize, threads), columns, threads);
        var difference = grid.RoundAll(scaled, columns, threads);
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
