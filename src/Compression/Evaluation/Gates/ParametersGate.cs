using CompressTool.Compression.Options;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;

namespace CompressTool.Compression.Evaluation;

/// <summary>Options of the <c>parameters</c> gate.</summary>
[ExactlyOne]
public sealed record ParametersGateOptions
{
    /// <summary>The largest share of the input model's parameters that passes.</summary>
    [Option("The largest number of parameters that passes, as a share of the input model's.", Min = 0, Example = "50%")]
    public Fraction? Max { get; init; }

    /// <summary>The largest number of parameters that passes.</summary>
    [Option("The largest number of parameters that passes.", Min = 0, Example = "500_000")]
    public long? MaxCount { get; init; }
}

/// <summary>The <c>parameters</c> gate: number of parameters.</summary>
public sealed class ParametersGate : Gate<ParametersGateOptions>
{
    /// <inheritdoc/>
    public override GateInfo Info { get; } = new(
        "parameters",
        Version: 1,
        "Number of parameters of the finished model (elements of all weights, biases and norms, as 'dotnet compress inspect' counts them; quantized ones too), against the input "
            + "model or an absolute limit. Weights that are zero count like the others: the sparsity gate tells them apart. Measured is the share, or the number for max-count.",
        "parameters: { max: 50% }");

    /// <inheritdoc/>
    protected override GateResult Evaluate(ParametersGateOptions options, GateContext context)
    {
        var (original, final) = (Count(context.OriginalPath), Count(context.FinalPath));
        var share = final / (double)original;
        var passed = options.Max is { } max ? share <= max.Value : final <= options.MaxCount;
        var (shown, allowed) = options.Max is { } limit ? (limit.Value, limit.ToString()) : (options.MaxCount!.Value / (double)original, $"{options.MaxCount}");
        var text = $"parameters {Figures.Percent(share, shown)} of the input model ({final} of {original}), allowed {allowed}";
        return new GateResult(passed, options.Max is null ? final : share, passed ? text : text + "; remove more than single weights, or raise the limit");
    }

    private static long Count(string path)
    {
        using var model = Model.Load(path, new LoadOptions { AllowMissingWeights = true });
        return ModelCost.Measure(model).Parameters;
    }
}
