using System.Globalization;
using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Evaluation.Images;

/// <summary>Options of the <c>latency-per-image</c> gate.</summary>
public sealed record LatencyPerImageGateOptions : LatencyRunOptions
{
    /// <summary>The largest share that passes.</summary>
    [Option("The largest time for an image that passes, as a share of the input model's.", Min = 0, Example = "60%")]
    public Fraction? Max { get; init; }

    /// <summary>The longest time that passes.</summary>
    [Option("The longest time for an image that passes, in milliseconds on the machine that builds.", Min = 0, Example = "500")]
    public double? MaxMs { get; init; }
}

/// <summary>The <c>latency-per-image</c> gate: time of a run times the runs that an image takes.</summary>
public sealed class LatencyPerImageGate : Gate<LatencyPerImageGateOptions>
{
    /// <inheritdoc/>
    public override GateInfo Info { get; } = new(
        "latency-per-image",
        Version: 1,
        "Time for an image, on the machine that builds: the median time of a run, with twice the rows where there is guidance, times the evaluations of the sampler of the stage evaluate, which must be "
            + "the last. Without the decoder, which compression leaves as it is. The runs of both models alternate, which evens out other load.",
        "latency-per-image: { max: 60% }");

    /// <inheritdoc/>
    public override bool DependsOnMachine => true;

    /// <inheritdoc/>
    public override bool NeedsEvaluation => true;

    /// <inheritdoc/>
    protected override void Validate(LatencyPerImageGateOptions options, OptionErrors errors)
    {
        if (options.Max is null && options.MaxMs is null)
        {
            errors.Add("", "give max, max-ms or both");
        }
    }

    /// <inheritdoc/>
    protected override GateResult Evaluate(LatencyPerImageGateOptions options, GateContext context)
    {
        if (context.Evaluation is not { } evaluation)
        {
            throw new CompressToolException(CompressionErrors.InvalidEvaluation, "the last stage is not evaluate, which tells the evaluations of an image");
        }

        var guided = (double)evaluation["guidance"]! == 1 ? 1 : 2;
        var evaluations = (int)evaluation["evaluations"]! / guided;
        var latency = LatencyComparison.Run(context.OriginalPath, context.FinalPath, context.Engine, context.InputFiles, options.ToMeasurement(guided), context.Seed, context.CancellationToken);
        var (original, final) = (latency.Original * evaluations / options.Batch, latency.Final * evaluations / options.Batch);
        var passed = (options.Max is not { } share || latency.Ratio <= share.Value) && (options.MaxMs is not { } limit || final <= limit);
        var allowed = string.Join(" and ", new[] { options.Max?.ToString(), options.MaxMs is { } most ? most.ToString(CultureInfo.InvariantCulture) + " ms" : null }.OfType<string>());
        var text = $"latency-per-image {Figures.Number(final, options.MaxMs ?? 0)} ms, {Figures.Percent(latency.Ratio, options.Max?.Value ?? 0)} of the input model's {Figures.Significant(original, 3)} ms "
            + $"({evaluations.ToString(CultureInfo.InvariantCulture)} evaluations, median of {latency.Runs} runs, {options.ThreadText}, measured on this machine), allowed {allowed}";
        return new GateResult(passed, options.Max is null ? final : latency.Ratio, passed ? text : text + "; use fewer layers, fewer steps or a type that the processor is fast in, or raise the limit");
    }
}
