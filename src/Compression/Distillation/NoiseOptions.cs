using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Distillation;

/// <summary>What a diffusion model predicts.</summary>
public enum Prediction
{
    /// <summary>The noise.</summary>
    [OptionName("epsilon", Description = "The noise that was added (Ho et al. 2020).")]
    Epsilon,

    /// <summary>The clean sample.</summary>
    [OptionName("sample", Description = "The clean sample.")]
    Sample,

    /// <summary>The velocity.</summary>
    [OptionName("v_prediction", Description = "The velocity, alpha * noise - sigma * sample (Salimans and Ho 2022).")]
    Velocity,
}

/// <summary>How the variance of the noise grows.</summary>
public enum BetaSchedule
{
    /// <summary>Along a line.</summary>
    [OptionName("linear", Description = "Beta grows along a line.")]
    Linear,

    /// <summary>Its root grows along a line.</summary>
    [OptionName("scaled_linear", Description = "The root of beta grows along a line.")]
    ScaledLinear,

    /// <summary>By a squared cosine.</summary>
    [OptionName("squaredcos_cap_v2", Description = "By the squared cosine of Nichol and Dhariwal 2021.")]
    SquaredCosine,
}

/// <summary>The forward process of a diffusion model, in diffusers' terms.</summary>
public sealed record NoiseOptions
{
    /// <summary>A diffusers scheduler.</summary>
    [Option("A diffusers scheduler_config.json, which the following keys are taken from; they must not be given then. When it and all of them are left out, a model imported from a diffusers pipeline is trained with the pipeline's.", Example = "scheduler/scheduler_config.json")]
    public RecipePath? Scheduler { get; init; }

    /// <summary>Prediction.</summary>
    [Option("What the model predicts; epsilon when left out.")]
    public Prediction? Prediction { get; init; }

    /// <summary>Schedule of betas.</summary>
    [Option("How the variance of the noise grows; linear when left out.")]
    public BetaSchedule? BetaSchedule { get; init; }

    /// <summary>First beta.</summary>
    [Option("The first beta; 0.0001 when left out.", Min = 0, Max = 1)]
    public double? BetaStart { get; init; }

    /// <summary>Last beta.</summary>
    [Option("The last beta; 0.02 when left out.", Min = 0, Max = 1)]
    public double? BetaEnd { get; init; }

    /// <summary>Timesteps.</summary>
    [Option("Number of timesteps; 1000 when left out.", Min = 1)]
    public int? TrainTimesteps { get; init; }

    /// <summary>Whether any key of the schedule is given.</summary>
    internal bool HasSchedule => Prediction is not null || BetaSchedule is not null || BetaStart is not null || BetaEnd is not null || TrainTimesteps is not null;

    /// <summary>What the model is trained with: the file that is named, the keys that are given, or else what the model itself brings.</summary>
    /// <param name="model">The model; null for none that brings a configuration.</param>
    /// <exception cref="CompressToolException">The file is not a scheduler's configuration, or something in it is not supported.</exception>
    internal SchedulerConfig SchedulerOf(Model? model)
    {
        try
        {
            return Scheduler is { } file ? SchedulerConfig.Load(file.FullPath)
                : !HasSchedule && model is not null && SchedulerConfig.Of(model) is { } own ? own
                : SchedulerConfig.Default.With(SchedulerConfig.DefaultClass, new Dictionary<string, JsonNode?>
                {
                    ["beta_schedule"] = BetaSchedule switch { Distillation.BetaSchedule.ScaledLinear => "scaled_linear", Distillation.BetaSchedule.SquaredCosine => "squaredcos_cap_v2", _ => "linear" },
                    ["beta_start"] = BetaStart ?? 1e-4,
                    ["beta_end"] = BetaEnd ?? 0.02,
                    ["num_train_timesteps"] = TrainTimesteps ?? 1000,
                    ["prediction_type"] = Prediction switch { Distillation.Prediction.Sample => "sample", Distillation.Prediction.Velocity => "v_prediction", _ => "epsilon" },
                });
        }
        catch (CompressToolException e)
        {
            e.OptionPath = "noise.scheduler";
            throw;
        }
    }

    /// <summary>Min-SNR weighting.</summary>
    [Option("Gamma of the min-SNR weighting of timesteps (Hang et al. 2023), usually 5; all weigh the same when left out.", Min = 0, Example = "5")]
    public double? MinSnr { get; init; }
}
