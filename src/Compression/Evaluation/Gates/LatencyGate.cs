using CompressTool.Compression.Options;

namespace CompressTool.Compression.Evaluation;

/// <summary>Options of the <c>latency</c> gate.</summary>
public sealed record LatencyGateOptions : LatencyRunOptions
{
    /// <summary>The largest latency that passes.</summary>
    [Option("The largest latency that passes, as a share of the input model's.", Required = true, Min = 0, Example = "80%")]
    public Fraction Max { get; init; }
}

/// <summary>The <c>latency</c> gate: time of a run of the finished model against the original's.</summary>
public sealed class LatencyGate : Gate<LatencyGateOptions>
{
    /// <inheritdoc/>
    public override GateInfo Info { get; } = new(
        "latency",
        Version: 1,
        "Median time of a run of the finished model as a share of the input model's. A measurement on the machine that builds, not a property of the model: the runs of both "
            + "models alternate, which evens out other load, but leave a margin in the limit.",
        "latency: { max: 80%, threads: 1 }");

    /// <inheritdoc/>
    public override bool DependsOnMachine => true;

    /// <inheritdoc/>
    protected override GateResult Evaluate(LatencyGateOptions options, GateContext context)
    {
        var latency = LatencyComparison.Run(context.OriginalPath, context.FinalPath, context.Engine, context.InputFiles, options.ToMeasurement(), context.Seed, context.CancellationToken);
        var passed = latency.Ratio <= options.Max.Value;
        var text = $"latency {Figures.Percent(latency.Ratio, options.Max.Value)} of the input model ({Figures.Significant(latency.Final, 3)} ms against {Figures.Significant(latency.Original, 3)} ms, "
            + $"median of {latency.Runs} runs, {options.ThreadText}, measured on this machine), allowed {options.Max}";
        return new GateResult(passed, latency.Ratio, passed ? text : text + "; zeros alone save no time: use fewer layers or a type that the processor is fast in, or raise the limit");
    }
}
