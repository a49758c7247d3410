using CompressTool.Diffusion.Arithmetic;

namespace CompressTool.Diffusion.Samplers;

/// <summary>How <see cref="DpmSolverSampler"/> steps.</summary>
/// <param name="Order">The order, from 1 to 3.</param>
/// <param name="OfData">Whether it extrapolates clean samples (DPM-Solver++) instead of noise (DPM-Solver).</param>
/// <param name="Stochastic">Whether it draws noise (SDE-DPM-Solver).</param>
/// <param name="Heun">Whether the second order follows Heun's method instead of the midpoint method.</param>
/// <param name="LowerOrderFinal">Whether the last steps of short runs are of lower order.</param>
/// <param name="EulerAtFinal">Whether the last step is of first order.</param>
internal sealed record DpmSolverOptions(int Order = 2, bool OfData = true, bool Stochastic = false, bool Heun = false, bool LowerOrderFinal = true, bool EulerAtFinal = false);

/// <summary>DPM-Solver and DPM-Solver++ as multistep methods, of the differential equation with and without noise (Lu et al. 2022, 2023).</summary>
/// <param name="trajectory">Timesteps and noise levels.</param>
/// <param name="flow">Whether levels are shares of noise.</param>
/// <param name="estimate">The estimate of the clean sample.</param>
/// <param name="options">How it steps.</param>
internal sealed class DpmSolverSampler(Trajectory trajectory, bool flow, CleanEstimate estimate, DpmSolverOptions options) : LogSnrSampler(trajectory, flow)
{
    /// <summary>Below this number of steps the last ones are of lower order: extrapolating so far does harm there.</summary>
    private const int FewSteps = 15;

    private readonly History _estimates = new(options.Order);

    private protected override void Reset(int length) => _estimates.Clear(length);

    private protected override void Advance(int step, ReadOnlySpan<float> output, Span<float> sample, ReadOnlySpan<float> variance)
    {
        Estimate(estimate, options.OfData, step, output, sample, _estimates.Push());
        var (s, t) = (Places[step], Places[step + 1]);
        var h = t.Lambda - s.Lambda;
        var noise = options.Stochastic ? DrawNoise() : [];
        if (h == 0)
        {
            return;
        }

        var (ofSample, weights, ofNoise) = Factors(step, s, t, h);
        Vectors.Scale((float)ofSample, sample, sample);
        for (var age = 0; age < weights.Length; age++)
        {
            Vectors.Add((float)weights[age], _estimates[age], sample);
        }

        if (ofNoise > 0)
        {
            Vectors.Add((float)ofNoise, noise, sample);
        }
    }

    /// <summary>The factors of the sample, of the last estimates, and of new noise in the next sample.</summary>
    private (double OfSample, double[] OfEstimates, double OfNoise) Factors(int step, Place s, Place t, double h)
    {
        // The estimate as a polynomial of the place in the step, integrated with its exponential weight: by power.
        var (ofSample, zeroth, first, second, ofNoise) = (options.OfData, options.Stochastic) switch
        {
            (true, false) => (t.Sigma / s.Sigma, t.Alpha * Zeroth(-h), t.Alpha * First(-h), t.Alpha * Second(-h), 0),
            (false, false) => (t.Alpha / s.Alpha, t.Sigma * Zeroth(h), t.Sigma * First(h), t.Sigma * Second(h), 0),
            (true, true) => (t.Sigma / s.Sigma * Math.Exp(-h), t.Alpha * Zeroth(-2 * h), t.Alpha * First(-2 * h), t.Alpha * SecondOfDiffusers(-2 * h), t.Sigma * Math.Sqrt(Zeroth(-2 * h))),
            (false, true) => (t.Alpha / s.Alpha, 2 * t.Sigma * Zeroth(h), 2 * t.Sigma * First(h), 2 * t.Sigma * Second(h), t.Sigma * Math.Sqrt(-Zeroth(2 * h))),
        };

        var order = OrderOf(step);
        if (order == 1)
        {
            return (ofSample, [zeroth], ofNoise);
        }

        var r0 = (s.Lambda - Places[step - 1].Lambda) / h;
        if (order == 2)
        {
            var ofSlope = (options.Heun ? first : zeroth / 2) / r0;
            return (ofSample, [zeroth + ofSlope, -ofSlope], ofNoise);
        }

        // D1 and D2 of the paper as sums of the estimates: with D10 = (m0 - m1) / r0 and D11 = (m1 - m2) / r1.
        var r1 = (Places[step - 1].Lambda - Places[step - 2].Lambda) / h;
        var of10 = ((first * (1 + (r0 / (r0 + r1)))) + (second / (r0 + r1))) / r0;
        var of11 = -((first * r0) + second) / (r0 + r1) / r1;
        return (ofSample, [zeroth + of10, of11 - of10, -of11], ofNoise);
    }

    private static double Zeroth(double x) => 1 - Math.Exp(x);

    private static double First(double x) => 1 + (Zeroth(x) / x);

    private static double Second(double x) => 0.5 + ((Zeroth(x) + x) / (x * x));

    /// <summary>
    /// With noise, diffusers subtracts the half that the integral adds. The papers have no third order with noise to compare with; the
    /// factor then tends to -1 for small steps instead of 0, which leaves a method of first order, but the samples that users know.
    /// </summary>
    private static double SecondOfDiffusers(double x) => Second(x) - 1;

    private int OrderOf(int step)
    {
        var few = options.LowerOrderFinal && Timesteps.Count < FewSteps;
        var most = step == Last && (options.EulerAtFinal || few || Places[^1].Sigma == 0) ? 1 : step == Last - 1 && few ? 2 : options.Order;
        return Math.Min(most, _estimates.Count);
    }
}
