using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>The methods that make a quantized model more exact at no cost of time, as far as the options want them.</summary>
/// <param name="model">The model.</param>
/// <param name="options">The options of the stage.</param>
/// <param name="corrects">Whether biases are corrected.</param>
/// <param name="inputs">The inputs of the calibration.</param>
/// <param name="context">The stage's context.</param>
internal sealed class AccuracyMethods(Model model, QuantizeOptions options, bool corrects, ICalibrationInputs inputs, StageContext context)
{
    private readonly JsonObject _metrics = [];
    private LearnedRounding? _rounding;

    /// <summary>Moves the range of channels into weights, before ranges are found.</summary>
    /// <param name="layers">The layers that will be quantized.</param>
    /// <param name="progress">The share of the stage's progress that this has, from and to.</param>
    public void Smooth(IReadOnlyList<Layer> layers, (double From, double To) progress)
    {
        if (options.Smooth is { } alpha)
        {
            Add(Smoothing.Run(model, layers, alpha, inputs, context, progress));
        }
    }

    /// <summary>Lets weights learn how they are rounded.</summary>
    /// <param name="layers">The layers, quantized.</param>
    /// <param name="errors">How far the weights moved; brought up to date.</param>
    /// <param name="progress">The share of the stage's progress that this has, from and to.</param>
    public void Round(IReadOnlyList<StaticLayer> layers, List<WeightErrorSums> errors, (double From, double To) progress)
    {
        if (options.Rounding is not { } method || method == WeightRounding.Nearest)
        {
            return;
        }

        _rounding = new LearnedRounding(model, method, context);
        _rounding.Run(layers, inputs, progress);
        foreach (var (number, layer) in layers.Index())
        {
            errors[number] = layer.MeasureError();
        }
    }

    /// <summary>Compares layers with their float32 selves, and takes mean errors off their biases.</summary>
    /// <param name="noise">Compares them.</param>
    /// <param name="layers">The layers, quantized.</param>
    /// <param name="progress">The share of the stage's progress that this has, from and to.</param>
    /// <returns>The signal-to-noise ratio of each layer's result in dB, with the bias that it has now; null where there is no noise.</returns>
    public IReadOnlyList<double?> Correct(LayerNoise noise, IReadOnlyList<StaticLayer> layers, (double From, double To) progress)
    {
        var errors = noise.Measure(layers, inputs, context, progress, corrects ? LayerNoise.RunsForMeans : LayerNoise.UsualRuns);
        if (!corrects)
        {
            return [.. errors.Select(LayerNoise.SnrDb)];
        }

        var result = MeanCorrection.Run(layers, errors, out var withoutBias);
        _metrics["withoutBias"] = withoutBias;
        return result;
    }

    /// <summary>Adds to the metrics of a layer how its weight was rounded.</summary>
    public void Describe(StaticLayer layer, JsonObject metrics) => _rounding?.Describe(layer, metrics);

    /// <summary>Adds to the metrics of the stage what was done.</summary>
    public void Describe(JsonObject metrics)
    {
        foreach (var (name, value) in _metrics)
        {
            metrics[name] = value?.DeepClone();
        }
    }

    private void Add(JsonObject metrics)
    {
        foreach (var (name, value) in metrics)
        {
            _metrics[name] = value?.DeepClone();
        }
    }
}
