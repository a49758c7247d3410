namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// The search of <see cref="AwqScales"/> for the factors of input channels, over weights that are given some columns at a time:
/// first all of them to <see cref="AddSizes"/>, then again to <see cref="AddErrors"/>. Layers that share their inputs are columns
/// of one weight.
/// </summary>
/// <param name="inputSizes">E[|x|] of each input, [K].</param>
/// <param name="hessian">H, [K, K].</param>
/// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
internal sealed class AwqScaleSearch(double[] inputSizes, double[] hessian, int threads = 0)
{
    private const int Steps = 20;

    /// <summary>Scales are kept from zero.</summary>
    private const double Least = 1e-4;

    private readonly double[] _weightSizes = new double[inputSizes.Length];
    private readonly double[] _errors = new double[Steps + 1];
    private long _columns;
    private float[][]? _candidates;

    /// <summary>tr dᵀ H d without scaling.</summary>
    public double PlainError { get; private set; }

    /// <summary>tr dᵀ H d with the best scales.</summary>
    public double BestError => Math.Min(PlainError, _errors.Min());

    /// <summary>The exponent r of the inputs' sizes; null when no scaling is best.</summary>
    public double? Ratio => _errors.Min() < PlainError ? (double)Array.IndexOf(_errors, _errors.Min()) / Steps : null;

    /// <summary>The best scales, [K].</summary>
    public float[] Scales => Ratio is { } ratio ? Candidate(ratio) : Ones();

    /// <summary>Adds the mean size of each row's weights, each as a share of the largest of its group.</summary>
    /// <param name="weights">[K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="groupSize">Rows of a group.</param>
    public void AddSizes(float[] weights, int columns, int groupSize)
    {
        var largest = new float[columns];
        for (var row = 0; row < inputSizes.Length; row++)
        {
            if (row % groupSize == 0)
            {
                Array.Clear(largest);
                for (var k = row; k < Math.Min(inputSizes.Length, row + groupSize); k++)
                {
                    for (var column = 0; column < columns; column++)
                    {
                        largest[column] = Math.Max(largest[column], Math.Abs(weights[(k * columns) + column]));
                    }
                }
            }

            for (var column = 0; column < columns; column++)
            {
                _weightSizes[row] += Math.Abs(weights[(row * columns) + column]) / (largest[column] + 1e-6);
            }
        }

        _columns += columns;
    }

    /// <summary>Adds the errors of all candidates.</summary>
    /// <param name="weights">[K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="grid">A grid of as many columns.</param>
    /// <param name="cancellationToken">Cancels between candidates.</param>
    public void AddErrors(float[] weights, int columns, IWeightGrid grid, CancellationToken cancellationToken = default)
    {
        _candidates ??= [.. Enumerable.Range(0, Steps + 1).Select(step => Candidate((double)step / Steps))];
        var errors = new ScaledErrors(weights, columns, hessian, grid, threads);
        PlainError += errors.OfColumns(Ones(), null).Sum();
        for (var step = 0; step <= Steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _errors[step] += errors.OfColumns(_candidates[step], null).Sum();
        }
    }

    /// <summary>s = x^r / (w^(1 - r) + 1e-4), then divided by the root of its largest times its smallest.</summary>
    private float[] Candidate(double ratio)
    {
        var scales = new double[inputSizes.Length];
        for (var row = 0; row < scales.Length; row++)
        {
            scales[row] = Math.Max(Least, Math.Pow(inputSizes[row], ratio) / (Math.Pow(_weightSizes[row] / _columns, 1 - ratio) + 1e-4));
        }

        var middle = Math.Sqrt(scales.Max() * scales.Min());
        return Array.ConvertAll(scales, scale => (float)(scale / middle));
    }

    private float[] Ones()
    {
        var ones = new float[inputSizes.Length];
        Array.Fill(ones, 1);
        return ones;
    }
}
