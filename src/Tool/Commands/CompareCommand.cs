using System.CommandLine;
using CompressTool.Compression.Evaluation;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Tool.CommandLine;
using CompressTool.Tool.Inference;
using CompressTool.Tool.Output;

namespace CompressTool.Tool.Commands;

/// <summary><c>compare</c>: two models on the same inputs.</summary>
internal sealed class CompareCommand : ToolCommand
{
    private readonly Argument<string> _original = new("ORIGINAL") { Description = "The .onnx file of the original." };
    private readonly Argument<string> _other = new("MODEL") { Description = "The .onnx file of the model made from it." };
    private readonly Option<string[]> _inputs = CommonOptions.Inputs();
    private readonly Option<string[]> _bindings = CommonOptions.Bindings();
    private readonly Option<int> _samples = CommonOptions.Number("--samples", "How many sets of random inputs to run, when none are given.", 1, 1);
    private readonly Option<int> _batch = CommonOptions.Number("--batch", "First dimension of random inputs where the model leaves it open.", 1, 1);
    private readonly Option<long> _seed = new("--seed") { Description = "What random inputs depend on.", HelpName = "N" };
    private readonly Option<int> _runs = CommonOptions.Number("--runs", "How often each model runs to measure its latency; 0 leaves that out.", 0, new LatencyOptions().Runs);
    private readonly Option<int> _threads = CommonOptions.Number("--threads", "Threads of these runs; by default one for each core.", 1, 0);

    public CompareCommand()
        : base("compare", "Compare a model with the one it was made from: outputs, size and latency.")
    {
        Add(_original);
        Add(_other);
        foreach (var option in new Option[] { _inputs, _samples, _batch, _bindings, _seed, _runs, _threads })
        {
            Add(option);
        }
    }

    /// <inheritdoc/>
    public override bool FilesAreArguments => true;

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context)
    {
        var (original, other) = (context.Get(_original), context.Get(_other));
        var comparison = Run(context, original, other);
        context.WriteResult(comparison.ToJson(), output => Write(output, comparison));
        return Task.FromResult(ExitCodes.Success);
    }

    private ModelComparison Run(CommandContext context, string original, string other)
    {
        var inputs = new InputOptions { Samples = context.Get(_samples), Batch = context.Get(_batch), Dims = CommonOptions.ParseBindings(context.Get(_bindings)) };
        var runs = context.Get(_runs);
        var latency = runs == 0 ? null : new LatencyOptions { Runs = runs, Threads = context.Get(_threads), Inputs = inputs };
        return ModelComparison.Run(original, other, new OnnxRuntimeEngine(), InputFiles(context, original), inputs, latency, context.Get(_seed), context.CancellationToken);
    }

    private IReadOnlyDictionary<string, string>? InputFiles(CommandContext context, string path)
    {
        if (context.Get(_inputs) is not { Length: > 0 } given)
        {
            return null;
        }

        using var model = Model.Load(path, new LoadOptions { AllowMissingWeights = true });
        using var inputs = ModelInputs.Read(given, model);
        return inputs.Files;
    }

    private static void Write(TextWriter output, ModelComparison comparison)
    {
        var outputs = new TableWriter("output", ">max. error", ">PSNR");
        foreach (var difference in comparison.Outputs.Outputs)
        {
            outputs.Add(difference.Name, Units.Significant(difference.MaxAbsError), $"{Units.Significant(difference.Psnr)} dB{(difference.NonFinite > 0 ? $" ({Units.Count(difference.NonFinite)} not finite)" : "")}");
        }

        outputs.Write(output);
        output.WriteLine();

        var rest = new TableWriter("", ">original", ">model", ">ratio");
        rest.Add("size", Units.Bytes(comparison.OriginalBytes), Units.Bytes(comparison.FinalBytes), Units.Percent(comparison.SizeRatio));
        if (comparison.Latency is { } latency)
        {
            rest.Add("latency", Milliseconds(latency.Original), Milliseconds(latency.Final), Units.Percent(latency.Ratio));
        }

        rest.Write(output);
        output.WriteLine();
        var inputs = comparison.Outputs.GivenInputs ? "the given inputs" : comparison.Outputs.Samples == 1 ? "random inputs" : $"{comparison.Outputs.Samples} sets of random inputs";
        output.WriteLine($"on {inputs}, {comparison.Runtime}{(comparison.Latency is null ? "" : $", latency: median of {comparison.Latency.Runs} runs")}");
    }

    private static string Milliseconds(double value) => $"{Units.Significant(value)} ms";
}
