namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>How <see cref="Gptq"/> works.</summary>
internal sealed record GptqOptions
{
    /// <summary>What is added to the Hessian's diagonal, as a share of its mean.</summary>
    public double Damping { get; init; } = 0.01;

    /// <summary>Rows that are done before their errors are spread over the rest with one matrix product.</summary>
    public int BlockSize { get; init; } = 128;

    /// <summary>
    /// Whether rows with large inputs come first. Groups of rows keep their places in storage, so that their parameters are
    /// then found in advance, from the original weights.
    /// </summary>
    public bool OrdersByActivation { get; init; }

    /// <summary>At most so many threads; 0 for as many as there are processors.</summary>
    public int Threads { get; init; }
}

/// <summary>What <see cref="Gptq"/> made of a weight.</summary>
/// <param name="Weights">The quantized weights as real numbers, [K, N]: each is on the grid, whose parameters are up to date.</param>
/// <param name="Damping">The damping that was needed; null when the Hessian could not be factorized and weights were rounded to nearest.</param>
internal sealed record GptqResult(float[] Weights, double? Damping);
