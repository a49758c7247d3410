using CompressTool.Compression.Pruning.Removal;
using CompressTool.Compression.Stages;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning.Selection;

/// <summary>Finds how much has to go for a target to be met: halving over the ratio, or over the steps of the ranking of all groups.</summary>
/// <param name="chooser">Chooses channels.</param>
/// <param name="cost">What is left then.</param>
/// <param name="options">The options.</param>
/// <param name="context">The stage.</param>
internal sealed class TargetSearch(ChannelChooser chooser, StructureCost cost, PruneOptions options, StageContext context)
{
    /// <summary>Ratios are told apart to this fraction; where each takes a measurement, more coarsely.</summary>
    private int Resolution => options.Target!.Latency is null ? 1 << 12 : 1 << 6;

    private bool IsGlobal => options.Scope == PruneScope.Global;

    /// <summary>The smallest choice that meets the target.</summary>
    /// <param name="latencyOf">Measures the share of the latency that a choice leaves; needed for that target alone.</param>
    /// <exception cref="CompressToolException">Even the largest choice does not meet it.</exception>
    public ChannelChoice Run(Func<ChannelChoice, double>? latencyOf = null)
    {
        var target = options.Target!;
        if (target.Ratio is { } ratio)
        {
            return IsGlobal ? chooser.Global(chooser.StepsOf(ratio.Value)) : chooser.Local(ratio.Value);
        }

        var (name, wanted, left) = target switch
        {
            { Parameters: { } share } => ("parameters", share.Value, Parameters),
            { Macs: { } share } => ("macs", share.Value, Macs),
            _ => ("latency", target.Latency!.Value.Value, latencyOf!),
        };
        var all = IsGlobal ? chooser.Steps : Resolution;
        if (left(Choose(all)) is var least && least > wanted)
        {
            var unscored = chooser.Unscored.Count == 0 ? "" : $" ({chooser.Unscored.Count} groups stay since the criterion has no score for them)";
            throw new CompressToolException(
                CompressionErrors.UnreachableTarget,
                $"the target of {wanted:P1} of the {name} cannot be met: with everything gone that may go, {least:P1} are left{unscored}; raise the target or max-ratio, {(unscored.Length > 0 ? "or choose another criterion" : "or select more layers")}")
            { OptionPath = $"target.{name}" };
        }

        var (low, high) = (0, all);
        while (high - low > 1)
        {
            context.Report(0, $"searching {name}");
            var middle = (low + high) / 2;
            if (left(Choose(middle)) <= wanted)
            {
                high = middle;
            }
            else
            {
                low = middle;
            }
        }

        return IsGlobal ? chooser.Global(high) : chooser.Local((double)high / Resolution);
    }

    private ChannelChoice Choose(int amount) => IsGlobal ? chooser.Global(amount) : chooser.Estimate((double)amount / Resolution);

    private double Parameters(ChannelChoice choice) => (double)cost.Of(choice.Parts).Parameters / cost.Whole.Parameters;

    private double Macs(ChannelChoice choice) => cost.Of(choice.Parts).Macs / cost.Whole.Macs;
}
