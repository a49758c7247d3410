namespace CompressTool.Diffusion.Schedules;

/// <summary>
/// The numbers of beta schedules, rounded to float32 where PyTorch rounds: close to the last timestep of sampling, products
/// of almost one are subtracted from one, and the roundings show.
/// </summary>
internal static class Betas
{
    /// <summary>The betas of a schedule.</summary>
    public static float[] Create(BetaSchedule schedule, double start, double end, int timesteps) => schedule switch
    {
        BetaSchedule.Linear => Line(start, end, timesteps),
        BetaSchedule.ScaledLinear => Array.ConvertAll(Line(Math.Sqrt(start), Math.Sqrt(end), timesteps), root => root * root),
        BetaSchedule.Sigmoid => Array.ConvertAll(Line(-6, 6, timesteps), x => (1 / (1 + MathF.Exp(-x)) * (float)(end - start)) + (float)start),
        _ => [.. Enumerable.Range(0, timesteps).Select(t => (float)Math.Min(1 - (Cosine((t + 1.0) / timesteps) / Cosine((double)t / timesteps)), 0.999))],
    };

    /// <summary>The products of 1 - beta up to each timestep, added up in double precision.</summary>
    public static float[] AlphasCumprod(IReadOnlyList<float> betas)
    {
        var products = new float[betas.Count];
        var product = 1.0;
        for (var t = 0; t < products.Length; t++)
        {
            product *= 1 - betas[t];
            products[t] = (float)product;
        }

        return products;
    }

    /// <summary>Betas whose last timestep is noise alone (Lin et al. 2024, algorithm 1): the roots of the products are moved and stretched.</summary>
    public static float[] RescaleToZeroSnr(IReadOnlyList<float> betas)
    {
        var roots = Array.ConvertAll(AlphasCumprod(betas), MathF.Sqrt);
        var (first, last) = (roots[0], roots[^1]);
        var products = Array.ConvertAll(roots, root =>
        {
            var moved = (root - last) * (first / (first - last));
            return moved * moved;
        });
        return [.. products.Select((product, t) => 1 - (t == 0 ? product : product / products[t - 1]))];
    }

    private static double Cosine(double time) => Math.Pow(Math.Cos((time + 0.008) / 1.008 * Math.PI / 2), 2);

    /// <summary>Numbers on a line, counted from the nearer end, as PyTorch does.</summary>
    private static float[] Line(double start, double end, int count)
    {
        var (from, to) = ((float)start, (float)end);
        var step = count == 1 ? 0 : (to - from) / (count - 1);
        return [.. Enumerable.Range(0, count).Select(i => i < count / 2 || count == 1 ? from + (step * i) : to - (step * (count - 1 - i)))];
    }
}
