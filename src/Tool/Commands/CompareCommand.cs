using System.CommandLine;
using CompressTool.Compression.Evaluation;
using CompressTool.Diffusion;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Store;
using CompressTool.Runtime.Engine;
using CompressTool.Tool.CommandLine;
using CompressTool.Tool.Inference;
using CompressTool.Tool.Output;
using CompressTool.Tool.Sampling;

namespace CompressTool.Tool.Commands;

/// <summary><c>compare</c>: two models on the same inputs.</summary>
internal sealed class CompareCommand : ToolCommand
{
    /// <summary>A comparison is to be quick: more steps than these are made only when they are asked for.</summary>
    private const int MaxUsualSteps = 20;

    private const int UsualCount = 16;

    private readonly SamplingArguments _sampling = new(["--condition"], "--null-condition", MaxUsualSteps);
    private readonly Argument<string> _original = new("ORIGINAL") { Description = "The .onnx file of the original, or its diffusers folder." };
    private readonly Argument<string> _other = new("MODEL") { Description = "The .onnx file of the model made from it, or its diffusers folder." };
    private readonly Option<string[]> _inputs = CommonOptions.Inputs();
    private readonly Option<string[]> _bindings = CommonOptions.Bindings();
    private readonly Option<int> _samples = CommonOptions.Number("--samples", "How many sets of random inputs to run, when none are given.", 1, 1);
    private readonly Option<int> _batch = CommonOptions.Number("--batch", "First dimension of random inputs where the model leaves it open.", 1, 1);
    private readonly Option<long> _seed = new("--seed") { Description = "What random inputs, and the noise of samples, depend on.", HelpName = "N" };
    private readonly Option<int> _runs = CommonOptions.Number("--runs", "How often each model runs to measure its latency; 0 leaves that out.", 0, new LatencyOptions().Runs);
    private readonly Option<string?> _report = new("--report") { Description = "An .html file that receives a report: a page in one file with tables, charts and, for diffusion models of pictures, samples of both from the same noise.", HelpName = "FILE" };
    private readonly Option<string?> _grid = new("--grid") { Description = "A .png file that receives samples of both diffusion models side by side, from the same noise.", HelpName = "FILE" };
    private readonly Option<int> _count = CommonOptions.Number("--count", "How many samples are drawn for report and grid; 0 for none.", 0, UsualCount);
    private readonly Option<int> _threads = CommonOptions.Number("--threads", "Threads of these runs; by default one for each core.", 1, 0);

    public CompareCommand()
        : base("compare", "Compare a model with the one it was made from: outputs, size and latency.")
    {
        Add(_original);
        Add(_other);
        foreach (var option in (IEnumerable<Option>)[_inputs, _samples, _batch, _bindings, _seed, _runs, _threads, _report, _grid, _count, .. _sampling.Options])
        {
            Add(option);
        }
    }

    /// <inheritdoc/>
    public override bool FilesAreArguments => true;

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context)
    {
        var (grid, report) = (FileOf(context, _grid, ".png"), FileOf(context, _report, ".html"));
        using var original = ModelFile.Open(context.Get(_original), context.CancellationToken);
        using var other = ModelFile.Open(context.Get(_other), context.CancellationToken);
        if (grid is not null && context.Get(_count) == 0)
        {
            throw new CompressToolException(ToolErrors.Conflict, "a grid of no samples cannot be drawn; leave out --grid or --count 0");
        }

        var comparison = Run(context, original.Path, other.Path);
        var pictures = grid is null && (report is null || context.Get(_count) == 0) ? null : Draw(context, original, other, isNeeded: grid is not null);
        if (grid is not null)
        {
            pictures!.Write(grid);
        }

        if (report is not null)
        {
            var models = (Before: Read(original), After: Read(other));
            AtomicFile.Write(report, ComparisonReport.Write(comparison, models.Before, models.After, pictures?.Samples));
        }

        var json = comparison.ToJson();
        json["figures"] = pictures?.ToJson();
        json["macsPerImage"] = pictures?.Samples.Macs;
        json["originalMacsPerImage"] = pictures?.Samples.MacsBefore;
        json["grid"] = grid;
        json["report"] = report;
        context.WriteResult(json, output =>
        {
            Write(output, comparison);
            WritePictures(output, pictures);
            foreach (var file in new[] { grid, report }.OfType<string>())
            {
                output.WriteLine($"-> {file}");
            }
        });
        return Task.FromResult(ExitCodes.Success);

        ReportModel Read(ModelFile model) => new(original.Name == other.Name ? model.Given : model.Name, ModelFacts.Read(model.Path, context.CancellationToken));
    }

    /// <summary>Samples of both. A report comes without pictures when the models draw none, or need conditions that are not given.</summary>
    private PictureComparison? Draw(CommandContext context, ModelFile original, ModelFile other, bool isNeeded)
    {
        try
        {
            return PictureComparison.Run(context, _sampling, original, other, context.Get(_count), context.Get(_seed), new EngineOptions { Threads = context.Get(_threads) });
        }
        catch (CompressToolException e) when (!isNeeded && (e.Code == DiffusionErrors.UnsuitableDenoiser || e.Code == DiffusionErrors.InvalidCondition || e.Code == DiffusionErrors.NotAPicture))
        {
            context.Console.Info($"the report has no pictures: {e.Message}");
            return null;
        }
    }

    private static string? FileOf(CommandContext context, Option<string?> option, string extension) => context.Get(option) is not { } path ? null
        : path.EndsWith(extension, StringComparison.OrdinalIgnoreCase) ? Path.GetFullPath(path)
        : throw new CompressToolException(ToolErrors.InvalidValue, $"'{option.Name} {path}' must name a file that ends with {extension}");

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

    private static void WritePictures(TextWriter output, PictureComparison? pictures)
    {
        if (pictures is null)
        {
            return;
        }

        output.WriteLine();
        var figures = new TableWriter("samples", ">figure", ">N");
        foreach (var figure in pictures.Samples.Figures)
        {
            figures.Add(figure.Name, $"{Units.Significant(figure.Model.Value)}{(figure.Model.Error is { } error ? $" ± {Units.Significant(error)}" : "")}", Units.Count(figure.Model.Count));
        }

        figures.Write(output);
        output.WriteLine();
        output.WriteLine(pictures.Samples.Description);
    }

    private static string Milliseconds(double value) => $"{Units.Significant(value)} ms";
}
