using CompressTool.Diffusion.Arithmetic;

namespace CompressTool.Diffusion.Samplers;

/// <summary>Euler's method for flow matching (Esser et al. 2024): the output is the direction from sample to noise.</summary>
/// <param name="trajectory">Timesteps and levels: the share of noise, or of the sample when inverted.</param>
/// <param name="stochastic">Whether every step goes to the clean sample and back with noise drawn anew.</param>
/// <param name="inverted">Whether levels grow from noise to sample, and the output is the direction from noise to sample.</param>
internal sealed class FlowEulerSampler(Trajectory trajectory, bool stochastic, bool inverted) : Sampler(trajectory.Timesteps)
{
    public override (float OfSample, float OfNoise) MixAt(int step) =>
        inverted ? ((float)trajectory.Levels[step], (float)(1 - trajectory.Levels[step])) : ((float)(1 - trajectory.Levels[step]), (float)trajectory.Levels[step]);

    private protected override void Advance(int step, ReadOnlySpan<float> output, Span<float> sample, ReadOnlySpan<float> variance)
    {
        double sigma = trajectory.Levels[step], next = trajectory.Levels[step + 1];
        if (stochastic)
        {
            Vectors.Combine((float)(1 - next), sample, (float)(-(1 - next) * sigma), output, sample);
            Vectors.Add((float)next, DrawNoise(), sample);
        }
        else
        {
            Vectors.Add((float)(next - sigma), output, sample);
        }
    }
}
