
namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// One scale and zero point for each column (output channel), with the arithmetic of QuantizeLinear: division by the scale,
/// rounding to nearest with ties to even, clipping to the type.
/// </summary>
/// <param name="rows">K.</param>
/// <param name="columns">N.</param>
/// <param name="range">The integers.</param>
internal sealed class ColumnGrid(int rows, int columns, IntegerRange range) : IWeightGrid
{
    /// <inheritdoc/>
    public int GroupSize => rows;

    /// <inheritdoc/>
    public int Low => range.Low;

    /// <inheritdoc/>
    public int High => range.High;

    /// <summary>Whether the parameters are given, so that none are looked for.</summary>
    public bool IsGiven { get; init; }

    /// <summary>The scales, [N].</summary>
    public float[] Scales { get; } = new float[columns];

    /// <summary>The zero points, [N].</summary>
    public int[] ZeroPoints { get; } = new int[columns];

    /// <inheritdoc/>
    public void FindParameters(int group, int firstColumn, int columns, ReadOnlySpan<float> weights, int step, int rows)
    {
        if (IsGiven)
        {
            return;
        }

        Span<float> smallest = stackalloc float[columns];
        Span<float> largest = stackalloc float[columns];
        smallest.Clear();
        largest.Clear();
        for (var row = 0; row < rows; row++)
        {
            var line = weights.Slice(row * step, columns);
            for (var column = 0; column < columns; column++)
            {
                smallest[column] = Math.Min(smallest[column], line[column]);
                largest[column] = Math.Max(largest[column], line[column]);
            }
        }

        for (var column = 0; column < columns; column++)
        {
            var parameters = AffineParameters.Spread(smallest[column], largest[column], range);
            Scales[firstColumn + column] = parameters.Scale;
            ZeroPoints[firstColumn + column] = parameters.ZeroPoint;
        }
    }

    /// <inheritdoc/>
    public void GetParameters(int row, int firstColumn, Span<float> scales, Span<float> zeroPoints)
    {
        Scales.AsSpan(firstColumn, scales.Length).CopyTo(scales);
        for (var column = 0; column < zeroPoints.Length; column++)
        {
            zeroPoints[column] = ZeroPoints[firstColumn + column];
        }
    }

    /// <inheritdoc/>
    public void Encode(int row, int firstColumn, ReadOnlySpan<float> weights, Span<float> codes)
    {
        for (var column = 0; column < weights.Length; column++)
        {
            var place = firstColumn + column;
            codes[column] = Math.Clamp(MathF.Round(weights[column] / Scales[place]) + ZeroPoints[place], range.Low, range.High);
        }
    }
}
