namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>Means and the largest magnitude of each column of a layer's input rows, gathered row by row in float64.</summary>
/// <param name="size">K.</param>
internal sealed class InputMoments(int size)
{
    private readonly double[] _sums = new double[size];
    private readonly double[] _sizes = new double[size];
    private readonly float[] _largest = new float[size];

    /// <summary>Rows so far.</summary>
    public long Rows { get; private set; }

    /// <summary>The largest magnitudes, [K].</summary>
    public ReadOnlySpan<float> Largest => _largest;

    /// <summary>E[x], [K].</summary>
    public double[] Means() => Divide(_sums);

    /// <summary>E[|x|], [K].</summary>
    public double[] MeanSizes() => Divide(_sizes);

    /// <summary>Adds rows.</summary>
    /// <param name="rows">[rows, K].</param>
    /// <exception cref="ArgumentException">There is a part of a row.</exception>
    public void Add(ReadOnlySpan<float> rows)
    {
        if (rows.Length % size != 0)
        {
            throw new ArgumentException($"{rows.Length} elements are not rows of {size}.", nameof(rows));
        }

        Rows += rows.Length / size;
        for (; !rows.IsEmpty; rows = rows[size..])
        {
            for (var column = 0; column < size; column++)
            {
                var magnitude = Math.Abs(rows[column]);
                _sums[column] += rows[column];
                _sizes[column] += magnitude;
                _largest[column] = Math.Max(_largest[column], magnitude);
            }
        }
    }

    private double[] Divide(double[] sums) => Rows > 0 ? Array.ConvertAll(sums, sum => sum / Rows) : throw new InvalidOperationException("Moments of no rows.");
}
