using System.Globalization;
using CompressTool.Compression.Options;

namespace CompressTool.Compression.Evaluation;

/// <summary>Options of the <c>max-abs-error</c> gate.</summary>
public sealed record MaxAbsErrorGateOptions : InputOptions
{
    /// <summary>The largest error that passes.</summary>
    [Option("The largest absolute error that passes, over all elements of all outputs.", Required = true, Min = 0, Example = "0.01")]
    public double Max { get; init; }
}

/// <summary>The <c>max-abs-error</c> gate: largest absolute difference between the outputs of finished and original model.</summary>
public sealed class MaxAbsErrorGate : Gate<MaxAbsErrorGateOptions>
{
    /// <inheritdoc/>
    public override GateInfo Info { get; } = new(
        "max-abs-error",
        Version: 1,
        "Largest absolute difference between the outputs of the finished and the input model, both run on the same inputs: those of data.inputs, or random ones that depend on the seed.",
        "max-abs-error: { max: 0.01, samples: 4 }");

    /// <inheritdoc/>
    public override bool DependsOnMachine => true;

    /// <inheritdoc/>
    public override bool JudgesQuality => true;

    /// <inheritdoc/>
    protected override GateResult Evaluate(MaxAbsErrorGateOptions options, GateContext context)
    {
        var comparison = context.CompareOutputs(options);
        var worst = comparison.LargestError;
        var passed = worst.MaxAbsError <= options.Max;
        var text = $"max-abs-error {Figures.Number(worst.MaxAbsError, options.Max)} {(passed ? "<=" : ">")} {options.Max.ToString(CultureInfo.InvariantCulture)}{OutputText.Of(worst, comparison)}";
        return new GateResult(passed, worst.MaxAbsError, passed ? text : text + OutputText.WayOut);
    }
}

/// <summary>Options of the <c>psnr</c> gate.</summary>
public sealed record PsnrGateOptions : InputOptions
{
    /// <summary>The smallest PSNR that passes, in dB.</summary>
    [Option("The smallest peak signal-to-noise ratio that passes, in dB.", Required = true, Min = 0, Max = 144, Example = "30")]
    public double Min { get; init; }
}

/// <summary>The <c>psnr</c> gate: peak signal-to-noise ratio of the finished model's outputs against the original's.</summary>
public sealed class PsnrGate : Gate<PsnrGateOptions>
{
    /// <inheritdoc/>
    public override GateInfo Info { get; } = new(
        "psnr",
        Version: 1,
        "Peak signal-to-noise ratio of the finished model's outputs against the input model's, in dB, on the inputs of data.inputs or random ones that depend on the "
            + "seed: 20 log10(peak / root mean squared error), where the peak is the largest minus the smallest element of the input model's output. The worst output counts. "
            + "Equal outputs have 144 dB, the end of float32.",
        "psnr: { min: 30, samples: 4 }");

    /// <inheritdoc/>
    public override bool DependsOnMachine => true;

    /// <inheritdoc/>
    public override bool JudgesQuality => true;

    /// <inheritdoc/>
    protected override GateResult Evaluate(PsnrGateOptions options, GateContext context)
    {
        var comparison = context.CompareOutputs(options);
        var worst = comparison.SmallestPsnr;
        var passed = worst.Psnr >= options.Min;
        var text = $"psnr {Figures.Number(worst.Psnr, options.Min)} dB {(passed ? ">=" : "<")} {options.Min.ToString(CultureInfo.InvariantCulture)} dB{OutputText.Of(worst, comparison)}";
        return new GateResult(passed, worst.Psnr, passed ? text : text + OutputText.WayOut);
    }
}

/// <summary>What the gates on outputs say alike.</summary>
internal static class OutputText
{
    public const string WayOut = "; prune less, quantize to a wider type, leave sensitive layers out (layers.exclude), or change the limit";

    public static string Of(OutputDifference worst, OutputComparison comparison) =>
        (comparison.GivenInputs ? $" at output '{worst.Name}' on the given inputs"
            : $" at output '{worst.Name}' on {comparison.Samples} random input{(comparison.Samples == 1 ? "" : "s")}")
        + (worst.NonFinite > 0 ? $", {worst.NonFinite} of its {worst.Count} elements are infinite or NaN in one of the models" : "");
}
