namespace CompressTool.Diffusion.Schedules;

/// <summary>What a diffusion model predicts.</summary>
public enum PredictionType
{
    /// <summary>The noise (Ho et al. 2020).</summary>
    Epsilon,

    /// <summary>The clean sample.</summary>
    Sample,

    /// <summary>The velocity, alpha noise - sigma sample (Salimans and Ho 2022).</summary>
    Velocity,

    /// <summary>The direction from sample to noise, noise - sample (Lipman et al. 2023, Liu et al. 2023); a noisy sample is (1 - sigma) sample + sigma noise.</summary>
    Flow,
}

/// <summary>
/// What a model's output says about the clean sample and the noise. A noisy sample is alpha sample + sigma noise, so both are
/// sums of the noisy sample and the output, each with a factor.
/// </summary>
internal static class PredictionFactors
{
    /// <summary>The factors of noisy sample and output in the clean sample.</summary>
    public static (double OfNoisy, double OfOutput) Clean(this PredictionType prediction, double alpha, double sigma) => prediction switch
    {
        PredictionType.Sample => (0, 1),
        PredictionType.Velocity => (alpha, -sigma),
        PredictionType.Flow => (1, -sigma),
        _ => (1 / alpha, -sigma / alpha),
    };

    /// <summary>The factors of noisy sample and output in the noise.</summary>
    public static (double OfNoisy, double OfOutput) Noise(this PredictionType prediction, double alpha, double sigma) => prediction switch
    {
        PredictionType.Sample => (1 / sigma, -alpha / sigma),
        PredictionType.Velocity => (sigma, alpha),
        PredictionType.Flow => (1, 1 - sigma),
        _ => (0, 1),
    };
}
