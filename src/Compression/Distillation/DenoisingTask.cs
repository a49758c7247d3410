using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Distillation;

/// <summary>What a diffusion model is trained to do: the noise schedule, what it predicts, and how much a timestep weighs.</summary>
/// <param name="Schedule">The noise schedule.</param>
/// <param name="Prediction">What the model predicts.</param>
/// <param name="MinSnr">Gamma of the min-SNR weighting (Hang et al. 2023); null when all timesteps weigh the same.</param>
internal sealed record DenoisingTask(NoiseSchedule Schedule, PredictionType Prediction, double? MinSnr)
{
    /// <summary>Reads the options, and the file that they name or the model's own configuration where they say nothing.</summary>
    /// <param name="options">The options.</param>
    /// <param name="model">The model that is trained; null for none that brings a configuration.</param>
    /// <exception cref="CompressToolException">The file is not a scheduler's configuration, or something in it is not supported.</exception>
    public static DenoisingTask Create(NoiseOptions options, Model? model = null)
    {
        var config = options.SchedulerOf(model);
        try
        {
            return new DenoisingTask(config.NoiseSchedule(), config.Prediction, options.MinSnr);
        }
        catch (CompressToolException e)
        {
            e.OptionPath ??= "noise.scheduler";
            throw;
        }
    }

    /// <summary>The factors of sample and noise at a timestep.</summary>
    public (float OfSample, float OfNoise) MixAt(long timestep) => Schedule.At(timestep);

    /// <summary>The factors of sample and noise in what the model predicts at a timestep.</summary>
    public (float OfSample, float OfNoise) TargetAt(long timestep) => Schedule.Target(Prediction, timestep);

    /// <summary>How much a timestep weighs in the loss: min(SNR, gamma) over SNR (epsilon), 1 (sample) or SNR + 1 (velocity), all of equal weight without gamma.</summary>
    public float WeightAt(long timestep)
    {
        if (MinSnr is not { } gamma)
        {
            return 1;
        }

        // In terms of alpha² and sigma², so that a timestep that is noise alone has a weight too.
        double product = Schedule.AlphasCumprod[(int)timestep], rest = 1 - product;
        var limited = Math.Min(product, gamma * rest);
        return (float)(Prediction switch
        {
            PredictionType.Sample => limited / rest,
            PredictionType.Velocity => limited,
            _ => product > 0 ? limited / product : 1,
        });
    }
}
