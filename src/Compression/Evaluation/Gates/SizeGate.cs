using CompressTool.Compression.Options;

namespace CompressTool.Compression.Evaluation;

/// <summary>Options of the <c>size</c> gate.</summary>
public sealed record SizeGateOptions
{
    /// <summary>The largest size that passes.</summary>
    [Option("The largest size that passes: a share of the input model's size, or an absolute size.", Required = true, Example = "25%")]
    public SizeLimit Max { get; init; }
}

/// <summary>The <c>size</c> gate: bytes of the finished model with its weight files.</summary>
public sealed class SizeGate : Gate<SizeGateOptions>
{
    /// <inheritdoc/>
    public override GateInfo Info { get; } = new(
        "size",
        Version: 1,
        "Bytes of the finished model, weight files included, against the input model or an absolute limit. Measured is the share, or the bytes for an absolute limit.",
        "size: { max: 25% }");

    /// <inheritdoc/>
    protected override GateResult Evaluate(SizeGateOptions options, GateContext context)
    {
        var (original, final) = (ModelComparison.BytesOf(context.OriginalPath), ModelComparison.BytesOf(context.FinalPath));
        var share = final / (double)original;
        var limit = options.Max.Share ?? options.Max.Bytes!.Value / (double)original;
        var passed = options.Max.Share is not null ? share <= limit : final <= options.Max.Bytes;
        var text = $"size {Figures.Percent(share, limit)} of the input model ({new ByteSize(final)} of {new ByteSize(original)}), allowed {options.Max}";
        return new GateResult(passed, options.Max.Share is not null ? share : final, passed ? text : text + "; quantize or prune more, or raise the limit");
    }
}
