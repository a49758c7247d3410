using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using CompressTool.Diffusion.Sampling;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Tool.CommandLine;
using CompressTool.Tool.Sampling;

namespace CompressTool.Tool.Commands;

/// <summary><c>sample</c>: draws samples from a diffusion model.</summary>
internal sealed class SampleCommand : ToolCommand
{
    private const int UsualCount = 16;

    private readonly SamplingArguments _sampling = new(["--input", "-i"], "--null-input");

    private readonly Argument<string> _model = new("MODEL") { Description = "The .onnx file of a diffusion model, or a diffusers folder, perhaps with the component behind it: folder#unet." };
    private readonly Option<string> _output = new("--output", "-o") { Description = "The file that receives the samples: .png for a grid of pictures, .npy or .safetensors for the numbers.", HelpName = "FILE", Required = true };
    private readonly Option<long> _seed = new("--seed") { Description = "What the noise depends on: the same seed gives the noise that PyTorch's CPU generator gives.", HelpName = "N" };
    private readonly Option<string?> _grid = new("--grid") { Description = $"Columns and rows of the grid, e.g. 8x8; it is square by default.", HelpName = "CxR" };
    private readonly Option<int> _count = CommonOptions.Number("--count", $"The number of samples; by default as many as the grid has places, one for each prompt, or {UsualCount}.", 1, 0);
    private readonly Option<int> _batch = CommonOptions.Number("--batch", "How many samples the model sees at once at most.", 1, 16);
    private readonly Option<string?> _start = new("--start") { Description = "A .npy file with the noise to start from, one row for each sample.", HelpName = "FILE" };
    private readonly Option<int> _enlarge = CommonOptions.Number("--enlarge", "Pixels on a side of each pixel in a grid.", 1, 1);
    private readonly PromptOptions _prompts = new();
    private readonly Option<int> _threads = CommonOptions.Number("--threads", "Threads to run on; by default one for each core.", 1, 0);

    public SampleCommand()
        : base("sample", "Draw samples from a diffusion model.")
    {
        Add(_model);
        foreach (var option in (IEnumerable<Option>)[_output, .. _prompts.All, _seed, _grid, _count, _batch, .. _sampling.Options, _start, _enlarge, _threads])
        {
            Add(option);
        }
    }

    /// <inheritdoc/>
    public override bool FilesAreArguments => true;

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context)
    {
        var (columns, rows) = SamplingArguments.Pair(context, _grid) is { } grid ? ((int?)grid.First, (int?)grid.Second) : (null, null);
        var count = context.IsGiven(_count) ? context.Get(_count) : columns * rows ?? (_prompts.Count(context) is > 0 and var prompted ? prompted : UsualCount);
        var file = new SampleFile(context.Get(_output), columns, context.Get(_enlarge), gap: count == 1 ? 0 : 2);
        var engine = new OnnxRuntimeEngine();
        var engineOptions = new EngineOptions { Threads = context.Get(_threads) };
        var start = Stopwatch.GetTimestamp();
        var pipeline = _prompts.Pipeline(context, context.Get(_model));
        var prompts = _prompts.Encode(context, pipeline, engine, engineOptions);
        using var model = SampledModel.Open(context.Get(_model), prompts is null && !_prompts.NamesPipeline(context) ? null : pipeline, engine, engineOptions, context.CancellationToken);
        using var decoder = model.OpenDecoder(_sampling.Decoder(context), engine, engineOptions, context.CancellationToken);
        var options = _sampling.Read(context, model, decoder, prompts, count) with
        {
            Batch = context.Get(_batch),
            Start = context.Get(_start) is { } given ? NdArray.From(NpyFile.Read(given)) : null,
        };
        var shape = model.Denoiser.SampleShape(options.Shape);
        if (file.IsPicture)
        {
            SamplingArguments.CheckPictures(shape, decoder);
        }

        var choice = _sampling.ChooseSampler(context, model, shape);
        var (config, sampler) = (choice.Config, choice.Create());
        if (choice.TakesFractions)
        {
            model.AllowFractions(engine, engineOptions, context.CancellationToken);
        }

        var loaded = Stopwatch.GetElapsedTime(start);
        start = Stopwatch.GetTimestamp();
        var samples = SamplingArguments.Draw(context, "sample", new SamplingLoop(model.Denoiser, sampler), options, context.Get(_seed), decoder);
        var elapsed = Stopwatch.GetElapsedTime(start);
        file.Write(samples, context.CancellationToken);

        context.WriteResult(
            new JsonObject
            {
                ["file"] = file.Path,
                ["count"] = count,
                ["shape"] = new JsonArray([.. samples.Dims.Select(dim => JsonValue.Create(dim))]),
                ["scheduler"] = config.ClassName,
                ["schedulerFile"] = config.Source,
                ["evaluations"] = sampler.Timesteps.Count,
                ["seed"] = context.Get(_seed),
                ["prompts"] = prompts is null ? null : new JsonArray([.. prompts.Texts.Select(text => JsonValue.Create(text))]),
                ["negativePrompt"] = prompts?.Negative,
                ["guidance"] = options.Guidance?.Scale ?? 1,
                ["runtime"] = engine.Version,
                ["loadSeconds"] = Math.Round(loaded.TotalSeconds, 6),
                ["seconds"] = Math.Round(elapsed.TotalSeconds, 6),
            },
            output =>
            {
                output.WriteLine($"{(count == 1 ? "1 sample" : $"{Units.Count(count)} samples")} of {string.Join(" x ", samples.Dims.Skip(1))}: {file.Path}");
                output.WriteLine($"{config.ClassName}, {sampler.Timesteps.Count} evaluations of the model{(options.Guidance is null ? "" : " with guidance")}, {Units.Duration(elapsed)}");
            });
        return Task.FromResult(ExitCodes.Success);
    }
}
