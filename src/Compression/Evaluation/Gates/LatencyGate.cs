using CompressTool.Compression.Options;

namespace CompressTool.Compression.Evaluation;

/// <summary>Options of the <c>latency</c> gate.</summary>
public sealed record LatencyGateOptions
{
    /// <summary>The largest latency that passes.</summary>
    [Option("The largest latency that passes, as a share of the input model's.", Required = true, Min = 0, Example = "80%")]
    public Fraction Max { get; init; }

    /// <summary>How often each model is run.</summary>
    [Option("How often each model is run; less often once the runs have taken a minute, but at least 5 times.", Min = 5, Max = 10000, Example = "51")]
    public int Runs { get; init; } = 21;

    /// <summary>How often each model is run before the runs that count.</summary>
    [Option("How often each model is run before the runs that count.", Min = 0, Max = 1000, Example = "5")]
    public int WarmUp { get; init; } = 2;

    /// <summary>Threads that a run uses.</summary>
    [Option("Threads that a run uses; 0 for one per physical core.", Min = 0, Max = 1024, Example = "1")]
    public int Threads { get; init; }

    /// <summary>Length of the first dimension of random inputs where it is symbolic.</summary>
    [Option("Length of the first dimension of random inputs where the model leaves it open.", Min = 1, Max = 4096, Example = "2")]
    public int Batch { get; init; } = 1;

    /// <summary>Lengths of other symbolic dimensions of random inputs, by symbol.</summary>
    [Option("Lengths of the other open dimensions of random inputs, by their names in the model; 1 where left out.", Example = "{ height: 64, width: 64 }")]
    public IReadOnlyDictionary<string, long> Dims { get; init; } = new Dictionary<string, long>();
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
        var measurement = new LatencyOptions
        {
            Runs = options.Runs,
            WarmUp = options.WarmUp,
            Threads = options.Threads,
            Inputs = new InputOptions { Batch = options.Batch, Dims = options.Dims },
        };
        var latency = LatencyComparison.Run(context.OriginalPath, context.FinalPath, context.Engine, context.InputFiles, measurement, context.Seed, context.CancellationToken);
        var passed = latency.Ratio <= options.Max.Value;
        var text = $"latency {Figures.Percent(latency.Ratio, options.Max.Value)} of the input model ({Figures.Significant(latency.Final, 3)} ms against {Figures.Significant(latency.Original, 3)} ms, "
            + $"median of {latency.Runs} runs, {(options.Threads == 0 ? "all cores" : options.Threads == 1 ? "1 thread" : $"{options.Threads} threads")}, measured on this machine), allowed {options.Max}";
        return new GateResult(passed, latency.Ratio, passed ? text : text + "; zeros alone save no time: use fewer layers or a type that the processor is fast in, or raise the limit");
    }
}
