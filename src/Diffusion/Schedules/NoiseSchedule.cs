using CompressTool.Diffusion.Arithmetic;

namespace CompressTool.Diffusion.Schedules;

/// <summary>
/// The forward process of a diffusion model in discrete time (Ho et al. 2020): a sample at timestep t is
/// <c>alpha(t) sample + sigma(t) noise</c>, with alpha² the product of 1 - beta up to t, and sigma² = 1 - alpha².
/// </summary>
public sealed class NoiseSchedule
{
    private readonly float[] _betas, _alphasCumprod;

    /// <summary>A schedule by its formula.</summary>
    /// <param name="schedule">The formula.</param>
    /// <param name="start">The first beta.</param>
    /// <param name="end">The last beta.</param>
    /// <param name="timesteps">The number of timesteps; more than 0.</param>
    /// <param name="zeroTerminalSnr">Whether the last timestep shall be noise alone (Lin et al. 2024).</param>
    public NoiseSchedule(BetaSchedule schedule = BetaSchedule.Linear, double start = 1e-4, double end = 0.02, int timesteps = 1000, bool zeroTerminalSnr = false)
        : this(Schedules.Betas.Create(schedule, start, end, Positive(timesteps)), zeroTerminalSnr)
    {
    }

    /// <summary>A schedule of given betas.</summary>
    /// <param name="betas">Beta of each timestep.</param>
    /// <param name="zeroTerminalSnr">Whether the last timestep shall be noise alone (Lin et al. 2024).</param>
    public NoiseSchedule(IReadOnlyList<float> betas, bool zeroTerminalSnr = false)
    {
        _betas = zeroTerminalSnr ? Schedules.Betas.RescaleToZeroSnr(betas) : [.. betas];
        _alphasCumprod = Schedules.Betas.AlphasCumprod(_betas);
    }

    private NoiseSchedule(float[] betas, float[] alphasCumprod) => (_betas, _alphasCumprod) = (betas, alphasCumprod);

    /// <summary>The variance of the noise that each timestep adds.</summary>
    public IReadOnlyList<float> Betas => _betas;

    /// <summary>The products of 1 - beta up to each timestep.</summary>
    public IReadOnlyList<float> AlphasCumprod => _alphasCumprod;

    /// <summary>Number of timesteps.</summary>
    public int Timesteps => _betas.Length;

    /// <summary>The factors of sample and noise at a timestep.</summary>
    public (float Alpha, float Sigma) At(long timestep) =>
        (MathF.Sqrt(_alphasCumprod[timestep]), MathF.Sqrt(1 - _alphasCumprod[timestep]));

    /// <summary>The factors of sample and noise in what a model of some prediction type should predict at a timestep.</summary>
    public (float OfSample, float OfNoise) Target(PredictionType prediction, long timestep)
    {
        var (alpha, sigma) = At(timestep);
        return prediction switch
        {
            PredictionType.Sample => (1, 0),
            PredictionType.Velocity => (-sigma, alpha),
            PredictionType.Flow => (-1, 1),
            _ => (0, 1),
        };
    }

    /// <summary>The sample with the noise of a timestep.</summary>
    /// <param name="sample">The clean sample.</param>
    /// <param name="noise">Normal noise.</param>
    /// <param name="timestep">The timestep.</param>
    /// <param name="destination">Receives the noisy sample; may be one of the others.</param>
    public void AddNoise(ReadOnlySpan<float> sample, ReadOnlySpan<float> noise, long timestep, Span<float> destination)
    {
        var (alpha, sigma) = At(timestep);
        Vectors.Combine(alpha, sample, sigma, noise, destination);
    }

    /// <summary>The velocity, alpha noise - sigma sample (Salimans and Ho 2022).</summary>
    /// <param name="sample">The clean sample.</param>
    /// <param name="noise">Normal noise.</param>
    /// <param name="timestep">The timestep.</param>
    /// <param name="destination">Receives the velocity; may be one of the others.</param>
    public void Velocity(ReadOnlySpan<float> sample, ReadOnlySpan<float> noise, long timestep, Span<float> destination)
    {
        var (alpha, sigma) = At(timestep);
        Vectors.Combine(-sigma, sample, alpha, noise, destination);
    }

    /// <summary>The schedule for samplers that divide by alpha: where the last timestep is noise alone, almost.</summary>
    internal NoiseSchedule WithSomeSignal() =>
        _alphasCumprod[^1] > 0 ? this : new(_betas, [.. _alphasCumprod[..^1], 1f / (1 << 24)]);

    /// <summary>The noise level sigma / alpha of each timestep, growing.</summary>
    internal double[] NoiseLevels() => Array.ConvertAll(_alphasCumprod, product => (double)MathF.Sqrt((1 - product) / product));

    private static int Positive(int timesteps)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(timesteps);
        return timesteps;
    }
}
