using CompressTool.Diffusion.Arithmetic;

namespace CompressTool.Diffusion.Samplers;

/// <summary>A linear multistep method of fourth order: the slope over a step is the integral of the polynomial through the last slopes.</summary>
/// <param name="trajectory">Timesteps and noise levels.</param>
/// <param name="scaleOfStart">The standard deviation of the noise that a run starts from.</param>
/// <param name="estimate">The estimate of the clean sample.</param>
internal sealed class LmsSampler(Trajectory trajectory, double scaleOfStart, CleanEstimate estimate) : UnscaledSampler(trajectory, scaleOfStart)
{
    private const int Order = 4;

    private readonly History _slopes = new(Order);

    private protected override void Reset(int length) => _slopes.Clear(length);

    private protected override void Advance(int step, ReadOnlySpan<float> output, Span<float> sample, ReadOnlySpan<float> variance)
    {
        var slope = _slopes.Push();
        var inverse = (float)(1 / Levels[step]);
        estimate.Compute(output, sample, Levels[step], ItemLength, slope);
        Vectors.Combine(inverse, sample, -inverse, slope, slope);
        for (var age = 0; age < _slopes.Count; age++)
        {
            Vectors.Add((float)Integral(step, age, _slopes.Count), _slopes[age], sample);
        }
    }

    /// <summary>The integral over a step of the polynomial that is 1 at one of the last levels and 0 at the others: exact with two points of Gauss up to the third degree.</summary>
    private double Integral(int step, int age, int order)
    {
        var (middle, half) = ((Levels[step + 1] + Levels[step]) / 2, (Levels[step + 1] - Levels[step]) / 2);
        var offset = half / Math.Sqrt(3);
        return half * (Basis(middle - offset) + Basis(middle + offset));

        double Basis(double level)
        {
            var product = 1.0;
            for (var other = 0; other < order; other++)
            {
                product *= other == age ? 1 : (level - Levels[step - other]) / (Levels[step - age] - Levels[step - other]);
            }

            return product;
        }
    }
}
