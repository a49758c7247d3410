using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>Which activations of a model have a quantized form, and with what scale and zero point.</summary>
/// <param name="Plan">Which have.</param>
/// <param name="Parameters">Scale and zero point of each that is not moved from another one.</param>
/// <param name="Split">The layers that were divided for it.</param>
internal sealed record ActivationRanges(StaticPlan Plan, IReadOnlyDictionary<Value, AffineParameters> Parameters, IReadOnlyList<string> Split)
{
    /// <summary>Runs that are looked at to decide which layers are divided.</summary>
    private const int DecidingRuns = 32;

    /// <summary>The share of the progress that the decision has.</summary>
    private const double DecidingShare = 0.1;

    /// <summary>How many times as large the range of one part of a concatenation must be as that of another: the smaller one would lose more than two bits.</summary>
    private const float SplitRatio = 4;

    /// <summary>Scale and zero point of an activation that has a quantized form.</summary>
    public AffineParameters this[Value value] => Parameters[Plan.SourceOf(value)];

    /// <summary>
    /// Finds them by running the model. Layers behind concatenations are divided before, all or those whose parts have ranges too different, as
    /// some of the inputs show.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="layers">The layers to quantize; each that is divided is replaced by its parts.</param>
    /// <param name="everywhere">Whether what lies between quantized layers is computed in integers, too, where it can be.</param>
    /// <param name="divides">Which layers are divided: all that can be, those with different ranges (null), or none.</param>
    /// <param name="layout">How the integers are laid out.</param>
    /// <param name="options">How ranges are chosen.</param>
    /// <param name="inputs">The inputs of the calibration.</param>
    /// <param name="context">The stage's context.</param>
    /// <param name="progress">The share of the stage's progress that this has, from and to.</param>
    /// <exception cref="CompressToolException">All layers are to be divided and none can be, the inputs do not fit the model, or a value is infinite or not a number.</exception>
    public static ActivationRanges Find(
        Model model, List<Layer> layers, bool everywhere, bool? divides, IntegerLayout layout, CalibrationOptions? options, ICalibrationInputs inputs, StageContext context, (double From, double To) progress)
    {
        var candidates = divides == false ? new Dictionary<Layer, IReadOnlyList<Value>>() : ConcatenationSplit.Find(layers);
        if (divides == true && candidates.Count == 0)
        {
            throw new CompressToolException(CompressionErrors.NoEffect, "none of the layers to quantize reads a concatenation of channels that it could be divided along; remove split-shortcuts") { OptionPath = "split-shortcuts" };
        }

        var start = progress.From;
        if (divides is null && candidates.Count > 0)
        {
            start += DecidingShare * (progress.To - progress.From);
            var parts = Measure(candidates.Values.SelectMany(values => values), new SomeInputs(inputs, DecidingRuns), (progress.From, start));
            candidates = candidates.Where(item => item.Value.Max(part => parts[part].Scale) > SplitRatio * item.Value.Min(part => parts[part].Scale)).ToDictionary();
        }

        var split = ConcatenationSplit.Run(model, layers, candidates.Keys.ToHashSet());
        var plan = StaticPlan.Of(model.Graph, layers, everywhere, layout);
        return new ActivationRanges(plan, Measure(plan.Values.Select(plan.SourceOf), inputs, (start, progress.To)), split);

        Dictionary<Value, AffineParameters> Measure(IEnumerable<Value> values, ICalibrationInputs runs, (double From, double To) share)
        {
            Value[] all = [.. values.Distinct()];
            var statistics = Calibrator.Run(model, all, runs, context, share);
            return all.ToDictionary(value => value, value =>
            {
                var range = RangeSelection.Select(statistics[value.Name], options?.Method ?? CalibrationMethod.Percentile, options?.Percentile ?? 99.99, layout.Activations.Range);
                var (smallest, largest) = RangeSelection.ClipSteps(range, statistics[value.Name].Steps, options?.StepPercentile ?? 100);
                return AffineParameters.Spread(smallest, largest, layout.Activations.Range);
            });
        }
    }
}
