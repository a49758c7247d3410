namespace CompressTool.Diffusion.Arithmetic;

/// <summary>The beta distribution with two equal parameters, which is symmetric about a half.</summary>
internal static class SymmetricBeta
{
    private const int Halvings = 200;

    /// <summary>The number below which a share of the distribution is.</summary>
    /// <param name="share">The share, from 0 to 1.</param>
    /// <param name="parameter">Both parameters; more than 0.</param>
    public static double Quantile(double share, double parameter)
    {
        if (share > 0.5)
        {
            return 1 - Quantile(1 - share, parameter);
        }

        var wanted = share * 2 * Integral(0.5, parameter);
        var (low, high) = (0.0, 0.5);
        for (var i = 0; i < Halvings && low < high; i++)
        {
            var middle = low + ((high - low) / 2);
            if (Integral(middle, parameter) < wanted)
            {
                low = middle;
            }
            else
            {
                high = middle;
            }
        }

        return high;
    }

    /// <summary>The integral of (t (1 - t))^(parameter - 1) from 0 to x, which is at most a half: as the series of powers of t that (1 - t)^(parameter - 1) is.</summary>
    private static double Integral(double x, double parameter)
    {
        var (sum, term) = (0.0, 1.0);
        for (var k = 0; term > sum * 1e-17; k++)
        {
            sum += term / (parameter + k);
            term *= (k + 1 - parameter) / (k + 1) * x;
        }

        return Math.Pow(x, parameter) * sum;
    }
}
