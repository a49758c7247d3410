namespace CompressTool.Diffusion.Metrics;

/// <summary>The features of images: a row of numbers for each.</summary>
/// <param name="dimensions">Numbers of a row.</param>
public sealed class FeatureSet(int dimensions)
{
    private readonly List<float[]> _rows = [];

    /// <summary>Numbers of a row.</summary>
    public int Dimensions { get; } = dimensions > 0 ? dimensions : throw new ArgumentOutOfRangeException(nameof(dimensions));

    /// <summary>Number of rows.</summary>
    public int Count => _rows.Count;

    /// <summary>A row.</summary>
    public ReadOnlySpan<float> this[int index] => _rows[index];

    /// <summary>A set of given rows.</summary>
    /// <param name="rows">Rows of one length; at least one.</param>
    public static FeatureSet Of(IEnumerable<float[]> rows)
    {
        FeatureSet? set = null;
        foreach (var row in rows)
        {
            set ??= new FeatureSet(row.Length);
            set.Add(row);
        }

        return set ?? throw new ArgumentException("A set of features has at least one row.", nameof(rows));
    }

    /// <summary>Adds rows.</summary>
    /// <param name="values">A multiple of <see cref="Dimensions"/>.</param>
    public void Add(ReadOnlySpan<float> values)
    {
        if (values.Length % Dimensions != 0)
        {
            throw new ArgumentException($"Rows have {Dimensions} numbers, and {values.Length} is no multiple of it.", nameof(values));
        }

        for (var start = 0; start < values.Length; start += Dimensions)
        {
            _rows.Add(values.Slice(start, Dimensions).ToArray());
        }
    }
}
