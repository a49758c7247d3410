using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.CustomOperators;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>Looks at values inside a model while it runs.</summary>
internal static class Calibrator
{
    /// <summary>Runs the model with all inputs, in one pass for all values.</summary>
    /// <param name="model">The model; it is the same afterwards.</param>
    /// <param name="values">The values to look at: float32, of the main graph.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="context">The stage's context, for progress and cancellation.</param>
    /// <param name="progress">The share of the stage's progress that this has, from and to.</param>
    /// <returns>What was seen of each value, by its name.</returns>
    /// <exception cref="CompressToolException">The inputs do not fit the model, or a value is infinite or not a number.</exception>
    public static Dictionary<string, ValueStatistics> Run(Model model, IReadOnlyList<Value> values, ICalibrationInputs inputs, StageContext context, (double From, double To) progress)
    {
        var observer = new ObserveOperator(values.Count);
        Run(model, observer, [.. values.Select((value, index) => (Func<Value>)(() => observer.Watch(value, index)))], inputs, context, progress, step => observer.Step = step);
        var result = values.Index().ToDictionary(item => item.Item.Name, item => observer.Statistics[item.Index]);
        return result.FirstOrDefault(item => item.Value.NonFinite > 0) is { Key: { } name, Value: { } statistics }
            ? throw new CompressToolException(CompressionErrors.UnsuitableModel, $"{statistics.NonFinite} of {statistics.Count} numbers of '{name}' are infinite or not numbers for the calibration's inputs; check these, or leave the layer out with layers.exclude")
            : result;
    }

    /// <summary>Runs the model with all inputs and with nodes that look at values.</summary>
    /// <param name="model">The model; it is the same afterwards.</param>
    /// <param name="observer">The operator of these nodes.</param>
    /// <param name="watches">Each adds a node and returns its output.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="context">The stage's context, for progress and cancellation.</param>
    /// <param name="progress">The share of the stage's progress that this has, from and to.</param>
    /// <param name="before">Receives the step of each run before it.</param>
    public static void Run(
        Model model, CustomOperator observer, IReadOnlyList<Func<Value>> watches, ICalibrationInputs inputs, StageContext context, (double From, double To) progress, Action<int>? before = null)
    {
        using var function = InstrumentedModel.Compile(model, () => [.. watches.Select(watch => watch())], [observer], out var outputs, context.CancellationToken);
        foreach (var (run, feeds) in inputs.ReadAll(context.CancellationToken).Index())
        {
            context.Report(progress.From + ((progress.To - progress.From) * run / inputs.Runs), $"calibration, {run + 1} of {inputs.Runs}");
            before?.Invoke(feeds.Step);
            function.Run(feeds.Arrays, outputs, context.CancellationToken);
        }
    }
}
