using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.CustomOperators;
using CompressTool.Runtime.Engine;

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
        var outputs = new List<string>();
        using var function = Compile(model, values, observer, outputs, context.CancellationToken);
        foreach (var (run, feeds) in inputs.Read(context.CancellationToken).Index())
        {
            context.Report(progress.From + ((progress.To - progress.From) * run / inputs.Runs), $"calibration, {run + 1} of {inputs.Runs}");
            observer.Step = feeds.Step;
            function.Run(feeds.Arrays, outputs, context.CancellationToken);
        }

        var result = values.Index().ToDictionary(item => item.Item.Name, item => observer.Statistics[item.Index]);
        return result.FirstOrDefault(item => item.Value.NonFinite > 0) is { Key: { } name, Value: { } statistics }
            ? throw new CompressToolException(CompressionErrors.UnsuitableModel, $"{statistics.NonFinite} of {statistics.Count} numbers of '{name}' are infinite or not numbers for the calibration's inputs; check these, or leave the layer out with layers.exclude")
            : result;
    }

    private static ICompiledFunction Compile(Model model, IReadOnlyList<Value> values, ObserveOperator observer, List<string> outputs, CancellationToken cancellationToken)
    {
        // The nodes are there only while the engine reads the model: a copy would be the whole model once more.
        var graph = model.Graph;
        var knewDomain = model.OpsetImports.ContainsKey(CustomOperator.Domain);
        var watched = new List<Value>();
        try
        {
            model.OpsetImports[CustomOperator.Domain] = 1;
            foreach (var (index, value) in values.Index())
            {
                watched.Add(observer.Watch(value, index));
                graph.Outputs.Add(watched[^1]);
            }

            outputs.AddRange(watched.Select(value => value.Name));
            return new OnnxRuntimeEngine().Compile(model, new EngineOptions { CustomOperators = [observer] }, cancellationToken);
        }
        finally
        {
            foreach (var value in watched)
            {
                graph.Outputs.Remove(value);
                graph.Remove(value.Producer!);
            }

            if (!knewDomain)
            {
                model.OpsetImports.Remove(CustomOperator.Domain);
            }
        }
    }
}
