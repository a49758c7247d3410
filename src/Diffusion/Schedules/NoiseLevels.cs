using CompressTool.Diffusion.Arithmetic;

namespace CompressTool.Diffusion.Schedules;

/// <summary>How the noise levels between the highest and the lowest lie.</summary>
internal enum NoiseLevelSpacing
{
    /// <summary>Those of the timesteps.</summary>
    Timesteps,

    /// <summary>Their seventh roots on a line (Karras et al. 2022, equation 5).</summary>
    Karras,

    /// <summary>Their logarithms on a line.</summary>
    Exponential,

    /// <summary>Their logarithms on a line, as half logarithms of signal-to-noise ratios (Lu et al. 2022); timesteps are whole.</summary>
    Lu,

    /// <summary>Quantiles of a beta distribution, close together at both ends (Lee et al. 2024).</summary>
    Beta,
}

/// <summary>Noise levels sigma / alpha of samplers, from high to low.</summary>
internal static class NoiseLevels
{
    /// <summary>Levels between two.</summary>
    public static double[] Between(NoiseLevelSpacing spacing, double highest, double lowest, int count)
    {
        const double rho = 7, beta = 0.6;
        double[] shares = [.. Enumerable.Range(0, count).Select(i => count == 1 ? 0 : i / (count - 1.0))];
        return Array.ConvertAll(shares, share => spacing switch
        {
            NoiseLevelSpacing.Karras => Math.Pow(Between(Math.Pow(highest, 1 / rho), Math.Pow(lowest, 1 / rho), share), rho),
            NoiseLevelSpacing.Beta => Between(lowest, highest, SymmetricBeta.Quantile(1 - share, beta)),
            _ => Math.Exp(Between(Math.Log(highest), Math.Log(lowest), share)),
        });

        static double Between(double from, double to, double share) => from + (share * (to - from));
    }

    /// <summary>The level at a timestep that may lie between two.</summary>
    /// <param name="levels">The levels of all timesteps of the training, growing.</param>
    /// <param name="timestep">The timestep.</param>
    public static double At(double[] levels, double timestep)
    {
        var below = (int)Math.Clamp(Math.Floor(timestep), 0, levels.Length - 1);
        var above = Math.Min(below + 1, levels.Length - 1);
        return levels[below] + ((timestep - below) * (levels[above] - levels[below]));
    }

    /// <summary>The timestep of a level, which may lie between two: their logarithms are on a line.</summary>
    /// <param name="levels">The levels of all timesteps of the training, growing.</param>
    /// <param name="level">The level.</param>
    public static double TimestepOf(double[] levels, double level)
    {
        var next = Array.FindIndex(levels, known => known > level);
        var below = Math.Clamp((next < 0 ? levels.Length : next) - 1, 0, Math.Max(levels.Length - 2, 0));
        if (levels.Length == 1)
        {
            return 0;
        }

        var (low, high) = (Math.Log(levels[below]), Math.Log(levels[below + 1]));
        return below + Math.Clamp((low - Math.Log(level)) / (low - high), 0, 1);
    }
}
