using System.Globalization;
using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Quantization.Float16;

/// <summary>
/// Turns a float32 model into a float16 one, or stores its weights in bfloat16. Weights are converted while the model is saved; for
/// float16 they are read once before, to find values that it cannot hold.
/// </summary>
internal static class PrecisionQuantizer
{
    private const int NamesInWarning = 5;

    /// <summary>Converts the model in place.</summary>
    /// <param name="model">The float32 model.</param>
    /// <param name="selector">The recipe's selection of layers.</param>
    /// <param name="target">The 16-bit type.</param>
    /// <param name="keepIoTypes">Whether inputs and outputs of the model stay float32.</param>
    /// <param name="context">The stage's context.</param>
    /// <param name="feeds">Inputs to run the model on, in order to find what must stay in float32; null to go by the operators alone.</param>
    /// <returns>The metrics.</returns>
    /// <exception cref="CompressToolException">Nothing of the model can be in the type, or it contradicts itself.</exception>
    public static JsonObject Run(
        Model model, LayerSelector selector, ShortFloat target, bool keepIoTypes, StageContext context, IEnumerable<IReadOnlyDictionary<string, NdArray>>? feeds = null)
    {
        OpsetVersions.Require(model, target == ShortFloat.BFloat16 ? OpsetVersions.BrainFloatCast : "Cast");
        context.Report(0, "types");
        var selected = NodeSelection.Select(model.Graph, selector);
        var types = ShapeInference.Analyze(model);
        var plan = new PrecisionPlan(model, types, selected, target);
        var findings = feeds is null ? null : OverflowSearch.Run(model, plan, feeds, cancellationToken: context.CancellationToken);
        if (findings is { Count: > 0 })
        {
            plan = new PrecisionPlan(model, types, selected, target, findings.SelectMany(finding => finding.Nodes).ToHashSet());
        }

        var converter = new PrecisionConverter(model, plan, keepIoTypes);
        converter.Run();
        if (converter.Converted.Count == 0 && converter.ConvertedNodes == 0)
        {
            throw new CompressToolException(CompressionErrors.NoEffect, $"the model has nothing in float32 that could be {target.Name}"
                + (plan.Kept.Count > 0 ? $"; {Describe(plan)}" : "; remove the stage"));
        }

        var unknown = plan.Kept.Where(item => item.Value == KeepReason.UnknownType).Select(item => item.Key.DisplayName).ToList();
        if (unknown.Count > 0)
        {
            context.AddWarning(CompressionErrors.LayersSkipped, $"{unknown.Count} nodes stay in float32 because the types of their values cannot be inferred: {List(unknown)}", "layers");
        }

        var metrics = new JsonObject
        {
            [target.Name + "Nodes"] = converter.ConvertedNodes,
            ["float32Nodes"] = new JsonObject(plan.Kept.Keys.Where(node => !node.Is("Constant") && node.Inputs.Concat(node.Outputs).Any(value => value is not null && plan.IsFloat(value)))
                .GroupBy(node => node.OpType).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => KeyValuePair.Create(group.Key, (JsonNode?)group.Count()))),
            ["castsAdded"] = converter.Casts,
            ["convertedTensors"] = converter.Converted.Count,
            ["weightBytesBefore"] = converter.Converted.Sum(item => item.Before.ByteLength),
            ["weightBytesAfter"] = converter.Converted.Sum(item => item.Before.ByteLength) / 2,
        };
        if (target == ShortFloat.Float16)
        {
            metrics["clampedValues"] = CountClamped(converter.Converted, context);
        }

        if (findings is not null)
        {
            metrics["keptByMeasurement"] = new JsonArray([.. findings.Select(finding => (JsonNode)finding.ToJson())]);
        }

        return metrics;
    }

    private static long CountClamped(List<(string Name, Tensor Before)> converted, StageContext context)
    {
        var counts = new (long Count, float Largest)[converted.Count];
        var done = 0L;
        var total = converted.Sum(item => item.Before.ByteLength);
        ParallelWork.For(converted.Count, threads: 0, index =>
        {
            counts[index] = HalfTensor.CountClamped(converted[index].Before);
            lock (counts)
            {
                done += converted[index].Before.ByteLength;
                context.Report(done / (double)Math.Max(1, total), converted[index].Name);
            }
        }, context.CancellationToken);

        var sum = counts.Sum(item => item.Count);
        if (sum > 0)
        {
            var names = converted.Index().Where(item => counts[item.Index].Count > 0)
                .Select(item => string.Create(CultureInfo.InvariantCulture, $"{item.Item.Name} ({counts[item.Index].Count}, up to {counts[item.Index].Largest:G3})")).ToList();
            context.AddWarning(CompressionErrors.ValuesClamped,
                $"{sum} values of {names.Count} weights are beyond float16's 65504 and were clamped to it: {List(names)}; keep them in float32 with layers.exclude", "layers.exclude");
        }

        return sum;
    }

    private static string List(List<string> names) =>
        string.Join(", ", names.Take(NamesInWarning)) + (names.Count > NamesInWarning ? $" and {names.Count - NamesInWarning} more" : "");

    private static string Describe(PrecisionPlan plan)
    {
        var reason = plan.Kept.Values.GroupBy(reason => reason).MaxBy(group => group.Count())!;
        return reason.Key switch
        {
            KeepReason.Excluded => "layers leaves everything else out",
            KeepReason.Measured => $"float16 spoils the values of {reason.Count()} nodes, as running the model showed",
            KeepReason.NoKernel => "it has no constant matrix of 256 weights or more",
            KeepReason.UnknownType => $"the types of {reason.Count()} nodes' values cannot be inferred",
            _ => $"{reason.Count()} nodes have operators that stay in float32",
        };
    }
}
