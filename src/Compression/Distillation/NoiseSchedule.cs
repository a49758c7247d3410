using System.Text.Json;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Distillation;

/// <summary>
/// The forward process of a diffusion model (Ho et al. 2020): a sample at timestep t is <c>alpha(t) x + sigma(t) noise</c>, with
/// alpha² the product of 1 - beta up to t and sigma² = 1 - alpha².
/// </summary>
internal sealed class NoiseSchedule
{
    private readonly double[] _alphasCumulated;
    private readonly Prediction _prediction;
    private readonly double? _minSnr;

    private NoiseSchedule(BetaSchedule schedule, double start, double end, int timesteps, Prediction prediction, double? minSnr)
    {
        (_prediction, _minSnr) = (prediction, minSnr);
        _alphasCumulated = new double[timesteps];
        var product = 1.0;
        for (var t = 0; t < timesteps; t++)
        {
            product *= 1 - Beta(schedule, start, end, t, timesteps);
            _alphasCumulated[t] = product;
        }
    }

    /// <summary>Number of timesteps.</summary>
    public int Timesteps => _alphasCumulated.Length;

    /// <summary>Reads the options and the file they may name.</summary>
    /// <exception cref="CompressToolException">The file is not a scheduler's configuration, or something in it is not supported.</exception>
    public static NoiseSchedule Create(NoiseOptions options)
    {
        if (options.Scheduler is null)
        {
            return new NoiseSchedule(options.BetaSchedule ?? default, options.BetaStart ?? 1e-4, options.BetaEnd ?? 0.02, options.TrainTimesteps ?? 1000, options.Prediction ?? default, options.MinSnr);
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(options.Scheduler.FullPath));
            var root = document.RootElement;
            return new NoiseSchedule(
                Text("beta_schedule", "linear") switch
                {
                    "linear" => BetaSchedule.Linear,
                    "scaled_linear" => BetaSchedule.ScaledLinear,
                    "squaredcos_cap_v2" => BetaSchedule.SquaredCosine,
                    var other => throw Invalid($"beta_schedule '{other}' is not supported: linear, scaled_linear or squaredcos_cap_v2"),
                },
                Number("beta_start", 1e-4),
                Number("beta_end", 0.02),
                (int)Number("num_train_timesteps", 1000),
                Text("prediction_type", "epsilon") switch
                {
                    "epsilon" => Prediction.Epsilon,
                    "sample" => Prediction.Sample,
                    "v_prediction" => Prediction.Velocity,
                    var other => throw Invalid($"prediction_type '{other}' is not supported: epsilon, sample or v_prediction"),
                },
                options.MinSnr);

            string Text(string name, string defaultValue) => root.TryGetProperty(name, out var value) ? value.GetString()! : defaultValue;
            double Number(string name, double defaultValue) => root.TryGetProperty(name, out var value) ? value.GetDouble() : defaultValue;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            throw Invalid(e.Message);
        }

        CompressToolException Invalid(string why) =>
            new(CompressionErrors.InvalidTraining, $"'{options.Scheduler}' is not the configuration of a scheduler that can be used: {why}") { OptionPath = "noise.scheduler" };
    }

    /// <summary>The factors of sample and noise at a timestep.</summary>
    public (float Alpha, float Sigma) At(long timestep) =>
        ((float)Math.Sqrt(_alphasCumulated[timestep]), (float)Math.Sqrt(1 - _alphasCumulated[timestep]));

    /// <summary>The factors of sample and noise in what the model predicts at a timestep.</summary>
    public (float Sample, float Noise) TargetAt(long timestep)
    {
        var (alpha, sigma) = At(timestep);
        return _prediction switch
        {
            Prediction.Sample => (1, 0),
            Prediction.Velocity => (-sigma, alpha),
            _ => (0, 1),
        };
    }

    /// <summary>How much a timestep weighs in the loss: min(SNR, gamma) over SNR (epsilon), 1 (sample) or SNR + 1 (velocity), all of equal weight without gamma.</summary>
    public float WeightAt(long timestep)
    {
        if (_minSnr is not { } gamma)
        {
            return 1;
        }

        var snr = _alphasCumulated[timestep] / (1 - _alphasCumulated[timestep]);
        var limited = Math.Min(snr, gamma);
        return (float)(_prediction switch
        {
            Prediction.Sample => limited,
            Prediction.Velocity => limited / (snr + 1),
            _ => limited / snr,
        });
    }

    private static double Beta(BetaSchedule schedule, double start, double end, int t, int timesteps)
    {
        var share = timesteps == 1 ? 0 : t / (timesteps - 1.0);
        switch (schedule)
        {
            case BetaSchedule.ScaledLinear:
                var root = Math.Sqrt(start) + (share * (Math.Sqrt(end) - Math.Sqrt(start)));
                return root * root;
            case BetaSchedule.SquaredCosine:
                return Math.Min(1 - (Bar((t + 1.0) / timesteps) / Bar((double)t / timesteps)), 0.999);
            default:
                return start + (share * (end - start));
        }

        static double Bar(double time) => Math.Pow(Math.Cos((time + 0.008) / 1.008 * Math.PI / 2), 2);
    }
}
