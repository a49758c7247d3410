using CompressTool.Compression.Options;

namespace CompressTool.Compression.Evaluation;

/// <summary>Options of the <c>peak-memory</c> gate.</summary>
public sealed record PeakMemoryGateOptions
{
    /// <summary>The most memory that passes.</summary>
    [Option("The most memory that passes: a share of the input model's, or an absolute size.", Required = true, Example = "60%")]
    public SizeLimit Max { get; init; }

    /// <summary>Length of the first dimension of random inputs where it is symbolic.</summary>
    [Option("Length of the first dimension of random inputs where the model leaves it open.", Min = 1, Max = 4096, Example = "2")]
    public int Batch { get; init; } = 1;

    /// <summary>Lengths of other symbolic dimensions of random inputs, by symbol.</summary>
    [Option("Lengths of the other open dimensions of random inputs, by their names in the model; 1 where left out.", Example = "{ height: 64, width: 64 }")]
    public IReadOnlyDictionary<string, long> Dims { get; init; } = new Dictionary<string, long>();
}

/// <summary>The <c>peak-memory</c> gate: the memory that a run of the finished model needs.</summary>
public sealed class PeakMemoryGate : Gate<PeakMemoryGateOptions>
{
    /// <inheritdoc/>
    public override GateInfo Info { get; } = new(
        "peak-memory",
        Version: 1,
        "The most memory that a run of the finished model has in use at once, for weights and values, as ONNX Runtime's allocator counts it, against the input model's or an absolute limit. "
            + "Weight files beside the model count in full.",
        "peak-memory: { max: 60% }");

    /// <inheritdoc/>
    public override bool DependsOnMachine => true;

    /// <inheritdoc/>
    protected override GateResult Evaluate(PeakMemoryGateOptions options, GateContext context)
    {
        var memory = MemoryComparison.Run(
            context.OriginalPath, context.FinalPath, context.Engine, context.InputFiles, new InputOptions { Batch = options.Batch, Dims = options.Dims }, context.Seed, context.CancellationToken);
        var limit = options.Max.Share ?? options.Max.Bytes!.Value / (double)memory.Original;
        var passed = options.Max.Share is not null ? memory.Ratio <= limit : memory.Final <= options.Max.Bytes;
        var text = $"peak-memory {Figures.Percent(memory.Ratio, limit)} of the input model ({new ByteSize(memory.Final)} of {new ByteSize(memory.Original)}), allowed {options.Max}";
        return new GateResult(passed, options.Max.Share is not null ? memory.Ratio : memory.Final, passed ? text : text + "; remove channels or blocks, quantize, or raise the limit");
    }
}
