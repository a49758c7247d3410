using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Metrics;

/// <summary>
/// Mean and covariance of features, gathered row by row in double precision: sums and sums of products, which need no second
/// look at the rows and can be added and taken apart.
/// </summary>
public sealed class FeatureStatistics
{
    private readonly double[] _sums;
    private readonly double[] _products;

    /// <summary>Nothing gathered yet.</summary>
    /// <param name="dimensions">Numbers of a row.</param>
    public FeatureStatistics(int dimensions)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dimensions);
        (Dimensions, _sums, _products) = (dimensions, new double[dimensions], new double[checked(dimensions * dimensions)]);
    }

    private FeatureStatistics(int dimensions, long count, double[] sums, double[] products) =>
        (Dimensions, Count, _sums, _products) = (dimensions, count, sums, products);

    /// <summary>Numbers of a row.</summary>
    public int Dimensions { get; }

    /// <summary>Rows gathered.</summary>
    public long Count { get; private set; }

    /// <summary>The statistics of a set.</summary>
    /// <param name="features">The set.</param>
    public static FeatureStatistics Of(FeatureSet features) => Of(features, _ => true);

    /// <summary>Gathers rows.</summary>
    /// <param name="rows">A multiple of <see cref="Dimensions"/> numbers.</param>
    public void Add(ReadOnlySpan<float> rows)
    {
        var values = new double[rows.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = rows[i];
        }

        Add(values);
    }

    /// <summary>What remains without a part of the rows.</summary>
    /// <param name="part">The statistics of rows that were gathered here too.</param>
    public FeatureStatistics Without(FeatureStatistics part) =>
        new(Dimensions, Count - part.Count, [.. _sums.Zip(part._sums, (all, some) => all - some)], [.. _products.Zip(part._products, (all, some) => all - some)]);

    /// <summary>The mean.</summary>
    public double[] Mean() => Array.ConvertAll(_sums, sum => sum / Count);

    /// <summary>The covariance with N - 1, as numpy's cov has it: a matrix row by row.</summary>
    /// <exception cref="CompressToolException">There are fewer than two rows, or a number is not finite.</exception>
    public double[] Covariance()
    {
        if (Count < 2)
        {
            throw new CompressToolException(DiffusionErrors.InvalidMetric, $"a covariance needs at least 2 images, and there {(Count == 1 ? "is 1" : "are none")}");
        }

        var mean = Mean();
        if (!mean.All(double.IsFinite))
        {
            throw new CompressToolException(DiffusionErrors.InvalidMetric, "a feature is infinite or not a number; the images or the model that judges them are broken");
        }

        var covariance = new double[_products.Length];
        for (var i = 0; i < Dimensions; i++)
        {
            for (var j = 0; j < Dimensions; j++)
            {
                // The upper triangle is gathered.
                var product = _products[(Math.Min(i, j) * Dimensions) + Math.Max(i, j)];
                covariance[(i * Dimensions) + j] = (product - (Count * mean[i] * mean[j])) / (Count - 1);
            }
        }

        return covariance;
    }

    /// <summary>The statistics of some rows of a set.</summary>
    internal static FeatureStatistics Of(FeatureSet features, Func<int, bool> chosen)
    {
        const int Block = 64;
        var statistics = new FeatureStatistics(features.Dimensions);
        var rows = new List<double>();
        for (var row = 0; row < features.Count; row++)
        {
            if (chosen(row))
            {
                foreach (var value in features[row])
                {
                    rows.Add(value);
                }
            }

            if (rows.Count >= Block * features.Dimensions || row == features.Count - 1)
            {
                statistics.Add([.. rows]);
                rows.Clear();
            }
        }

        return statistics;
    }

    private void Add(double[] values)
    {
        var count = Math.DivRem(values.Length, Dimensions, out var rest);
        if (rest != 0)
        {
            throw new ArgumentException($"Rows have {Dimensions} numbers, and {values.Length} is no multiple of it.", nameof(values));
        }

        // Each thread has rows of the matrix to itself, and adds in the order of the images: the same bits with any number of threads.
        Loops.For(Dimensions, (long)count * Dimensions / 2, i =>
        {
            var row = _products.AsSpan(i * Dimensions, Dimensions)[i..];
            for (var n = 0; n < count; n++)
            {
                var features = values.AsSpan(n * Dimensions, Dimensions);
                _sums[i] += features[i];
                DoubleVectors.AddScaled(features[i], features[i..], row);
            }
        });
        Count += count;
    }
}
