using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using CompressTool.Compression.Stages;
using CompressTool.Diffusion.Guidance;
using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Diffusion.Samplers;
using CompressTool.Diffusion.Sampling;
using CompressTool.Diffusion.Schedules;
using CompressTool.Diffusion.Text;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Tool.CommandLine;
using CompressTool.Tool.Output;
using CompressTool.Tool.Sampling;

namespace CompressTool.Tool.Commands;

/// <summary><c>sample</c>: draws samples from a diffusion model.</summary>
internal sealed class SampleCommand : ToolCommand
{
    private const int UsualCount = 16, MaxSide = 10_000;

    private readonly Argument<string> _model = new("MODEL") { Description = "The .onnx file of a diffusion model, or a diffusers folder, perhaps with the component behind it: folder#unet." };
    private readonly Option<string> _output = new("--output", "-o") { Description = "The file that receives the samples: .png for a grid of pictures, .npy or .safetensors for the numbers.", HelpName = "FILE", Required = true };
    private readonly Option<string?> _sampler = new("--sampler") { Description = $"The sampler: {string.Join(", ", SamplerPresets.All.Select(preset => preset.Name))}. By default that of the scheduler's configuration.", HelpName = "NAME" };
    private readonly Option<string?> _scheduler = new("--scheduler") { Description = "A diffusers scheduler_config.json; by default the one beside the model, in the folder 'scheduler' there, or above, or the one that an imported model brings.", HelpName = "FILE" };
    private readonly Option<int> _steps = CommonOptions.Number("--steps", "The number of steps; by default a usual one for the sampler.", 1, 0);
    private readonly Option<long> _seed = new("--seed") { Description = "What the noise depends on: the same seed gives the noise that PyTorch's CPU generator gives.", HelpName = "N" };
    private readonly Option<string?> _grid = new("--grid") { Description = $"Columns and rows of the grid, e.g. 8x8; it is square by default.", HelpName = "CxR" };
    private readonly Option<int> _count = CommonOptions.Number("--count", $"The number of samples; by default as many as the grid has places, one for each prompt, or {UsualCount}.", 1, 0);
    private readonly Option<int> _batch = CommonOptions.Number("--batch", "How many samples the model sees at once at most.", 1, 16);
    private readonly Option<double> _guidance = new("--guidance") { Description = "The scale of classifier-free guidance; 1 for none, which is the default without prompts. With prompts it is that of diffusers: 7.5, for Stable Diffusion XL 5.", HelpName = "W", DefaultValueFactory = _ => 1 };
    private readonly Option<double> _rescale = new("--guidance-rescale") { Description = "How far the deviation of guided predictions is brought back, 0 to 1.", HelpName = "X" };
    private readonly Option<string?> _class = new("--class") { Description = "The classes of the samples, in turns: numbers and ranges (3 or 0-4,7), or all.", HelpName = "LIST" };
    private readonly Option<int> _nullClass = CommonOptions.Number("--null-class", "The class that stands for none, for guidance; by default the model's last one.", 0, 0);
    private readonly Option<string[]> _inputs = new("--input", "-i") { Description = "Another input of the model: name=file.npy or name=file.safetensors, with a row for each sample, or one for all. May be given several times.", HelpName = "NAME=FILE", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string[]> _nullInputs = new("--null-input") { Description = "The same input without the condition, for guidance.", HelpName = "NAME=FILE", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string?> _start = new("--start") { Description = "A .npy file with the noise to start from, one row for each sample.", HelpName = "FILE" };
    private readonly Option<string?> _size = new("--size") { Description = "Height and width of the samples where the model leaves them open, e.g. 64x64; of the latents where it works on latents.", HelpName = "HxW" };
    private readonly Option<int> _height = CommonOptions.Number("--height", "Height of the images in pixels, also where the model works on latents.", 1, 0);
    private readonly Option<int> _width = CommonOptions.Number("--width", "Width of the images in pixels.", 1, 0);
    private readonly Option<string?> _decoder = new("--decoder") { Description = "What makes images of latents: an .onnx file or a component, e.g. folder#vae.decoder; that of the folder by default.", HelpName = "MODEL" };
    private readonly Option<double> _eta = new("--eta") { Description = "The share of noise of the sampler ddim, 0 to 1.", HelpName = "X" };
    private readonly Option<int> _enlarge = CommonOptions.Number("--enlarge", "Pixels on a side of each pixel in a grid.", 1, 1);
    private readonly PromptOptions _prompts = new();
    private readonly Option<int> _threads = CommonOptions.Number("--threads", "Threads to run on; by default one for each core.", 1, 0);

    public SampleCommand()
        : base("sample", "Draw samples from a diffusion model.")
    {
        Add(_model);
        foreach (var option in (IEnumerable<Option>)[_output, .. _prompts.All, _sampler, _steps, _seed, _grid, _count, _batch, _class, _guidance, _rescale, _nullClass, _scheduler, _inputs, _nullInputs, _start, _size, _height, _width, _decoder, _eta, _enlarge, _threads])
        {
            Add(option);
        }
    }

    /// <inheritdoc/>
    public override bool FilesAreArguments => true;

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context)
    {
        var (columns, rows) = Pair(context, _grid, "grid") is { } grid ? ((int?)grid.First, (int?)grid.Second) : (null, null);
        var count = context.IsGiven(_count) ? context.Get(_count) : columns * rows ?? (_prompts.Count(context) is > 0 and var prompted ? prompted : UsualCount);
        var file = new SampleFile(context.Get(_output), columns, context.Get(_enlarge), gap: count == 1 ? 0 : 2);
        var engine = new OnnxRuntimeEngine();
        var engineOptions = new EngineOptions { Threads = context.Get(_threads) };
        var start = Stopwatch.GetTimestamp();
        var pipeline = _prompts.Pipeline(context, context.Get(_model));
        var prompts = _prompts.Encode(context, pipeline, engine, engineOptions);
        using var model = SampledModel.Open(context.Get(_model), prompts is null && !_prompts.NamesPipeline(context) ? null : pipeline, engine, engineOptions, context.CancellationToken);
        using var decoder = model.OpenDecoder(context.Get(_decoder), engine, engineOptions, context.CancellationToken);
        var options = ReadOptions(context, model, decoder, prompts, count);
        var shape = model.Denoiser.SampleShape(options.Shape);
        if (file.IsPicture && decoder is null && (shape.Length != 3 || shape[0] is not (1 or 3)))
        {
            throw new CompressToolException(ToolErrors.InvalidValue, $"samples of the shape [{string.Join(',', shape)}] are no pictures; if they are latents, say with --decoder what makes images of them, or write them to a .npy file");
        }

        var (config, sampler) = CreateSampler(context, model, shape);
        if (sampler.Timesteps.Any(timestep => timestep != MathF.Floor(timestep)))
        {
            model.AllowFractions(engine, engineOptions, context.CancellationToken);
        }

        var loaded = Stopwatch.GetElapsedTime(start);
        start = Stopwatch.GetTimestamp();
        var samples = Draw(context, new SamplingLoop(model.Denoiser, sampler), options, decoder);
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

    private NdArray Draw(CommandContext context, SamplingLoop loop, SamplingOptions options, LatentDecoder? decoder)
    {
        NativeArray samples;
        using (var display = context.Console.StartProgress("sample"))
        {
            var progress = new DirectProgress<SamplingProgress>(report => display.Report(new StageProgress((double)report.Done / report.Total, $"evaluation {report.Done} of {report.Total}")));
            samples = loop.Run(options, new TorchGenerator(context.Get(_seed)), progress, context.CancellationToken);
        }

        using (samples)
        {
            if (decoder is null)
            {
                return samples.ToNdArray();
            }

            using var display = context.Console.StartProgress("decode");
            return decoder.Decode(samples, done => display.Report(new StageProgress((double)done / options.Count, $"image {done} of {options.Count}")), context.CancellationToken);
        }
    }

    private (SchedulerConfig Config, Sampler Sampler) CreateSampler(CommandContext context, SampledModel model, long[] shape)
    {
        var file = context.Get(_scheduler) ?? model.Scheduler;
        var config = file is null ? model.OwnScheduler ?? SchedulerConfig.Default : SchedulerConfig.Load(Path.GetFullPath(file));
        if (file is null && model.OwnScheduler is null)
        {
            context.Console.Info("no scheduler_config.json beside or above the model: 1000 timesteps, betas on a line from 0.0001 to 0.02, a model that predicts the noise (--scheduler)");
        }

        // Nobody means 1000 steps who says nothing: DDPM, the scheduler of trainings, is there as DDIM then.
        var name = context.Get(_sampler) ?? (config.ClassName == SchedulerConfig.DefaultClass && !context.IsGiven(_steps) ? "ddim" : null);
        var preset = name is null ? null : SamplerPresets.Find(name);
        config = preset is null ? config : SamplerPresets.Apply(preset, config);
        var settings = new SamplerSettings
        {
            Steps = context.IsGiven(_steps) ? context.Get(_steps) : preset?.Steps ?? SamplerPresets.UsualSteps(config),
            Eta = context.Get(_eta),
            SequenceLength = shape.Length == 2 ? (int)shape[0] : shape.Length == 3 ? (int)(shape[1] / 2 * (shape[2] / 2)) : null,
        };
        context.Console.Detail($"{config.ClassName}, {settings.Steps} steps{(file is null ? "" : $", from '{file}'")}");
        return (config, SamplerFactory.Create(config, settings));
    }

    private SamplingOptions ReadOptions(CommandContext context, SampledModel model, LatentDecoder? decoder, EncodedPrompts? prompts, int count)
    {
        var scale = context.IsGiven(_guidance) || prompts is null ? context.Get(_guidance) : prompts.UsualGuidance;
        var (given, without) = (ConditionFiles.Read(context.Get(_inputs)), ConditionFiles.Read(context.Get(_nullInputs)));
        var size = ImageSizes.Read(Pair(context, _size, "size"), context.IsGiven(_height) ? context.Get(_height) : null, context.IsGiven(_width) ? context.Get(_width) : null, decoder, model.SampleSize());
        var guidance = scale == 1 ? null : new ClassifierFreeGuidance(scale, context.Get(_rescale));
        if (prompts is not null)
        {
            var conditions = PromptConditions.Create(model.Denoiser, prompts.Embeddings, prompts.Without, count, ImageSizes.Pixels(model.Denoiser.SampleShape(size), decoder), scale, given.Keys);
            given = given.Concat(conditions.With).ToDictionary();
            without = conditions.Without.Where(pair => !without.ContainsKey(pair.Key)).Concat(without).ToDictionary();

            // As diffusers: 0 and 1 both stand for none, and a model with guidance inside is not guided from outside.
            guidance = scale <= 1 || PromptConditions.TakesGuidance(model.Denoiser) ? null : guidance;
        }

        var nullClass = model.Denoiser.Labels is null ? null : context.IsGiven(_nullClass) ? context.Get(_nullClass) : model.Classes - 1;
        if (guidance is not null && model.Denoiser.Labels is null && without.Count == 0)
        {
            throw new CompressToolException(ToolErrors.InvalidValue, $"'--guidance {scale.ToString(CultureInfo.InvariantCulture)}' needs a condition to guide to: {(model.Denoiser.Conditions.Count == 0 ? "the model has none" : $"give {model.Denoiser.Conditions[0].Name} with --input, and without the condition with --null-input")}");
        }

        var text = context.Get(_class);
        return new SamplingOptions
        {
            Count = count,
            Batch = context.Get(_batch),
            Shape = size,
            Labels = text is null ? null : ClassList.Parse(text, count, guidance is not null && nullClass == model.Classes - 1 ? nullClass : model.Classes),
            NullLabel = nullClass,
            Conditions = given,
            NullConditions = without,
            Guidance = guidance,
            Start = context.Get(_start) is { } start ? NdArray.From(NpyFile.Read(start)) : null,
        };
    }

    /// <summary>Two whole numbers with an x between them.</summary>
    private static (int First, int Second)? Pair(CommandContext context, Option<string?> option, string name)
    {
        if (context.Get(option) is not { } text)
        {
            return null;
        }

        return text.Split('x') is [var first, var second] && Number(first) is { } a && Number(second) is { } b ? (a, b)
            : throw new CompressToolException(ToolErrors.InvalidValue, $"'--{name} {text}' is not two numbers from 1 to {MaxSide} with an x between them, e.g. 8x8");

        static int? Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= MaxSide ? number : null;
    }
}
