using System.Globalization;
using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Diffusion.Metrics;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Evaluation.Images;

/// <summary>Options of gates on figures of which less is better.</summary>
public sealed record HighestFigureOptions
{
    /// <summary>The largest that passes.</summary>
    [Option("The largest figure that passes.", Example = "12")]
    public double? Max { get; init; }

    /// <summary>The largest rise that passes.</summary>
    [Option("How much more than the input model's it may be.", Min = 0, Example = "1.5")]
    public double? MaxIncrease { get; init; }
}

/// <summary>Options of gates on figures of which more is better.</summary>
public sealed record LowestFigureOptions
{
    /// <summary>The smallest that passes.</summary>
    [Option("The smallest figure that passes.", Example = "0.8")]
    public double? Min { get; init; }

    /// <summary>The largest fall that passes.</summary>
    [Option("How much less than the input model's it may be.", Min = 0, Example = "0.05")]
    public double? MaxDecrease { get; init; }
}

/// <summary>A gate on a figure of the last stage, <c>evaluate</c>. Gates judge the figure itself; its interval is told.</summary>
/// <typeparam name="TOptions">The options.</typeparam>
/// <param name="kind">The word in the recipe, and the figure's name, but for that of the features.</param>
/// <param name="what">What the figure is.</param>
/// <param name="example">A YAML example.</param>
public abstract class FigureGate<TOptions>(string kind, string what, string example) : Gate<TOptions>
    where TOptions : class, new()
{
    /// <inheritdoc/>
    public override GateInfo Info { get; } = new(kind, Version: 1, what + " Measured by a stage evaluate, which must be the last.", example);

    /// <inheritdoc/>
    public override bool DependsOnMachine => true;

    /// <inheritdoc/>
    public override bool NeedsEvaluation => true;

    /// <inheritdoc/>
    public override bool JudgesQuality => true;

    /// <summary>Judges a figure.</summary>
    /// <param name="context">Where the figure is.</param>
    /// <param name="kind">The gate, which is the name of the figure.</param>
    /// <param name="limit">The limit of the figure itself; null for none.</param>
    /// <param name="difference">The limit of its difference from the input model's; null for none.</param>
    /// <param name="sign">1 when less is better, -1 when more is.</param>
    private protected static GateResult Judge(GateContext context, string kind, double? limit, double? difference, int sign)
    {
        var figure = Find(context, kind);
        if (difference is not null && figure.Input is null)
        {
            throw new CompressToolException(CompressionErrors.InvalidEvaluation, $"the input model has no {figure.Name} of its own to compare with: give a limit of the figure itself") { OptionPath = sign > 0 ? "max-increase" : "max-decrease" };
        }

        var allowed = new[] { limit, figure.Input is { } input ? input.Value + (sign * difference) : null }.OfType<double>().Select(value => sign * value).DefaultIfEmpty(double.PositiveInfinity).Min() * sign;
        var passed = sign * figure.Model.Value <= sign * allowed;
        var interval = figure.Model.Error is { } error ? $" ± {Figures.Significant(error, 2)}" : "";
        var other = figure.Input is { } of ? $", input model {Figures.Number(of.Value, allowed)}" : "";
        return new GateResult(passed, figure.Model.Value,
            $"{figure.Name} {Figures.Number(figure.Model.Value, allowed)}{interval} (N = {figure.Model.Count.ToString(CultureInfo.InvariantCulture)}{other}), allowed {(sign > 0 ? "up to" : "from")} {Figures.Significant(allowed, 6)}"
                + (passed ? "" : "; train longer, compress less, or change the limit"));
    }

    /// <summary>Demands one of the two limits.</summary>
    private protected static void Check(double? limit, double? difference, string names, OptionErrors errors)
    {
        if (limit is null && difference is null)
        {
            errors.Add("", $"give {names} or both");
        }
    }

    /// <summary>The figure by its name, which may have that of the features before it: shapes-fid.</summary>
    private static ImageFigure Find(GateContext context, string kind)
    {
        var figures = context.Evaluation?["figures"]?.AsObject();
        var name = new[] { kind, $"{FeatureExtractor.DefaultName}-{kind}" }.FirstOrDefault(name => figures?.ContainsKey(name) ?? false);
        return name is not null ? ImageFigure.FromJson(name, figures![name]!.AsObject())
            : throw new CompressToolException(CompressionErrors.InvalidEvaluation, figures is null ? "the last stage is not evaluate, whose figures the gate looks at"
                : $"the stage evaluate has not measured {kind}; it has {string.Join(", ", figures.Select(figure => figure.Key))}");
    }
}

/// <summary>A gate on a figure of which less is better.</summary>
/// <param name="kind">The word in the recipe.</param>
/// <param name="what">What the figure is.</param>
/// <param name="example">A YAML example.</param>
public sealed class HighestFigureGate(string kind, string what, string example) : FigureGate<HighestFigureOptions>(kind, what, example)
{
    /// <inheritdoc/>
    protected override void Validate(HighestFigureOptions options, OptionErrors errors) => Check(options.Max, options.MaxIncrease, "max, max-increase", errors);

    /// <inheritdoc/>
    protected override GateResult Evaluate(HighestFigureOptions options, GateContext context) => Judge(context, Info.Kind, options.Max, options.MaxIncrease, 1);
}

/// <summary>A gate on a figure of which more is better.</summary>
/// <param name="kind">The word in the recipe.</param>
/// <param name="what">What the figure is.</param>
/// <param name="example">A YAML example.</param>
public sealed class LowestFigureGate(string kind, string what, string example) : FigureGate<LowestFigureOptions>(kind, what, example)
{
    /// <inheritdoc/>
    protected override void Validate(LowestFigureOptions options, OptionErrors errors) => Check(options.Min, options.MaxDecrease, "min, max-decrease", errors);

    /// <inheritdoc/>
    protected override GateResult Evaluate(LowestFigureOptions options, GateContext context) => Judge(context, Info.Kind, options.Min, options.MaxDecrease, -1);
}

/// <summary>Options of the <c>macs-per-image</c> gate.</summary>
public sealed record MacsPerImageGateOptions
{
    /// <summary>The largest share that passes.</summary>
    [Option("The largest number of multiplications for an image that passes, as a share of the input model's.", Required = true, Min = 0, Example = "60%")]
    public Fraction Max { get; init; }
}

/// <summary>The <c>macs-per-image</c> gate.</summary>
public sealed class MacsPerImageGate : Gate<MacsPerImageGateOptions>
{
    /// <inheritdoc/>
    public override GateInfo Info { get; } = new(
        "macs-per-image",
        Version: 1,
        "Multiply-accumulate operations for an image as a share of the input model's: those of one evaluation, attention included, times the evaluations of the sampler, twice with guidance, and those of a "
            + "decoder. Zeros count as multiplications. Counted by a stage evaluate, which must be the last.",
        "macs-per-image: { max: 60% }");

    /// <inheritdoc/>
    public override bool NeedsEvaluation => true;

    /// <inheritdoc/>
    protected override GateResult Evaluate(MacsPerImageGateOptions options, GateContext context)
    {
        if (context.Evaluation?["perImage"] is not JsonObject own || context.Evaluation["inputPerImage"] is not JsonObject input)
        {
            throw new CompressToolException(CompressionErrors.InvalidEvaluation, "there is no stage before evaluate, so that the model is the input model itself");
        }

        var (macs, before) = ((double)own["macsWithAttention"]!, (double)input["macsWithAttention"]!);
        var passed = macs / before <= options.Max.Value;
        return new GateResult(passed, macs / before,
            $"macs-per-image {Figures.Percent(macs / before, options.Max.Value)} of the input model ({Figures.Significant(macs / 1e9, 3)} against {Figures.Significant(before / 1e9, 3)} billion), allowed {options.Max}"
                + (passed ? "" : "; remove channels, heads or blocks, or raise the limit"));
    }
}
