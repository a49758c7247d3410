namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// The numbers that a quantized weight matrix [K, N] can hold: (q - zero point) * scale with whole q, where scale and zero
/// point belong to a group of consecutive rows of a column. Different columns may be worked on by different threads.
/// </summary>
internal interface IWeightGrid
{
    /// <summary>Rows of a group: a block's size, or K when a column has one scale.</summary>
    int GroupSize { get; }

    /// <summary>Smallest code.</summary>
    int Low { get; }

    /// <summary>Largest code.</summary>
    int High { get; }

    /// <summary>Finds and keeps the parameters of one group of some columns.</summary>
    /// <param name="group">The group.</param>
    /// <param name="firstColumn">The first column.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="weights">The group's rows; the last group may have fewer.</param>
    /// <param name="step">Elements from a row to the next.</param>
    /// <param name="rows">Number of rows.</param>
    void FindParameters(int group, int firstColumn, int columns, ReadOnlySpan<float> weights, int step, int rows);

    /// <summary>The parameters that a run of weights of one row have.</summary>
    /// <param name="row">The row.</param>
    /// <param name="firstColumn">The first column.</param>
    /// <param name="scales">Receives the scales.</param>
    /// <param name="zeroPoints">Receives the zero points.</param>
    void GetParameters(int row, int firstColumn, Span<float> scales, Span<float> zeroPoints);

    /// <summary>Rounds a run of weights of one row to the nearest code, as the format's own quantizer does.</summary>
    /// <param name="row">The row.</param>
    /// <param name="firstColumn">The first column.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="codes">Receives the codes as whole numbers; may be the weights.</param>
    void Encode(int row, int firstColumn, ReadOnlySpan<float> weights, Span<float> codes);
}
