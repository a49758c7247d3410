namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>How <see cref="AdaRound"/> works.</summary>
internal sealed record AdaRoundOptions
{
    /// <summary>Steps of the optimizer; each is one product of the Hessian with a matrix like the weight.</summary>
    public int Iterations { get; init; } = 1000;

    /// <summary>Step size of Adam.</summary>
    public double LearningRate { get; init; } = 0.01;

    /// <summary>
    /// Weight of the term that drives every weight to one of its two codes, where rounding to nearest has the error 1 per weight.
    /// The published 0.01 is for errors that are not scaled. On correlated inputs 3 to 100 do equally well; less leaves weights between their codes.
    /// </summary>
    public double Lambda { get; init; } = 10;

    /// <summary>Share of the steps before that term begins.</summary>
    public double WarmUp { get; init; } = 0.2;

    /// <summary>Its exponent in the beginning: only weights close to a code feel it.</summary>
    public double FirstBeta { get; init; } = 20;

    /// <summary>Its exponent in the end.</summary>
    public double LastBeta { get; init; } = 2;

    /// <summary>At most so many threads; 0 for as many as there are processors.</summary>
    public int Threads { get; init; }

    /// <summary>The exponent in a step; null while there is no such term.</summary>
    public double? Beta(int iteration)
    {
        var progress = ((double)iteration / Iterations) - WarmUp;
        return progress < 0 ? null : LastBeta + ((FirstBeta - LastBeta) * (1 - (progress / (1 - WarmUp))));
    }
}

/// <summary>What <see cref="AdaRound"/> made of a weight.</summary>
/// <param name="Weights">The quantized weights as real numbers, [K, N].</param>
/// <param name="NearestError">tr dᵀ H d of rounding to nearest.</param>
/// <param name="Error">tr dᵀ H d of these weights; not more.</param>
/// <param name="NearestColumns">Columns that were rounded to nearest because nothing better was found.</param>
internal sealed record AdaRoundResult(float[] Weights, double NearestError, double Error, int NearestColumns);
