using System.CommandLine;
using System.Globalization;
using CompressTool.Compression.Stages;
using CompressTool.Diffusion.Guidance;
using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Diffusion.Samplers;
using CompressTool.Diffusion.Sampling;
using CompressTool.Diffusion.Schedules;
using CompressTool.Diffusion.Text;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Tool.CommandLine;

namespace CompressTool.Tool.Sampling;

/// <summary>The options of commands that draw samples.</summary>
internal sealed class SamplingArguments
{
    private const int MaxSide = 10_000;

    private readonly Option<string?> _sampler = new("--sampler") { Description = $"The sampler: {string.Join(", ", SamplerPresets.All.Select(preset => preset.Name))}. By default that of the scheduler's configuration.", HelpName = "NAME" };
    private readonly Option<string?> _scheduler = new("--scheduler") { Description = "A diffusers scheduler_config.json; by default the one beside the model, in the folder 'scheduler' there, or above, or the one that an imported model brings.", HelpName = "FILE" };
    private readonly Option<int> _steps;
    private readonly Option<double> _guidance = new("--guidance") { Description = "The scale of classifier-free guidance; 1 for none, which is the default without prompts. With prompts it is that of diffusers: 7.5, for Stable Diffusion XL 5.", HelpName = "W", DefaultValueFactory = _ => 1 };
    private readonly Option<double> _rescale = new("--guidance-rescale") { Description = "How far the deviation of guided predictions is brought back, 0 to 1.", HelpName = "X" };
    private readonly Option<string?> _class = new("--class") { Description = "The classes of the samples, in turns: numbers and ranges (3 or 0-4,7), or all, which is the default for models with classes.", HelpName = "LIST" };
    private readonly Option<int> _nullClass = CommonOptions.Number("--null-class", "The class that stands for none, for guidance; by default the model's last one.", 0, 0);
    private readonly Option<string[]> _inputs;
    private readonly Option<string[]> _nullInputs;
    private readonly Option<string?> _size = new("--size") { Description = "Height and width of the samples where the model leaves them open, e.g. 64x64; of the latents where it works on latents.", HelpName = "HxW" };
    private readonly Option<int> _height = CommonOptions.Number("--height", "Height of the images in pixels, also where the model works on latents.", 1, 0);
    private readonly Option<int> _width = CommonOptions.Number("--width", "Width of the images in pixels.", 1, 0);
    private readonly Option<string?> _decoder = new("--decoder") { Description = "What makes images of latents: an .onnx file or a component, e.g. folder#vae.decoder; that of the folder by default.", HelpName = "MODEL" };
    private readonly Option<double> _eta = new("--eta") { Description = "The share of noise of the sampler ddim, 0 to 1.", HelpName = "X" };
    private readonly int? _maxUsualSteps;

    /// <summary>Makes the options.</summary>
    /// <param name="input">Names of the option for the model's other inputs.</param>
    /// <param name="nullInput">Name of the option for these without the condition.</param>
    /// <param name="maxUsualSteps">The most steps that are made when none are given; null for as many as are usual for the sampler.</param>
    public SamplingArguments(string[] input, string nullInput, int? maxUsualSteps = null)
    {
        _maxUsualSteps = maxUsualSteps;
        _steps = CommonOptions.Number("--steps", $"The number of steps; by default a usual one for the sampler{(maxUsualSteps is { } max ? $", but not more than {max.ToString(CultureInfo.InvariantCulture)}" : "")}.", 1, 0);
        _inputs = new(input[0], input[1..]) { Description = "Another input of the model: name=file.npy or name=file.safetensors, with a row for each sample, or one for all. May be given several times.", HelpName = "NAME=FILE", AllowMultipleArgumentsPerToken = true };
        _nullInputs = new(nullInput) { Description = "The same input without the condition, for guidance.", HelpName = "NAME=FILE", AllowMultipleArgumentsPerToken = true };
    }

    /// <summary>All of them, the usual ones first.</summary>
    public IEnumerable<Option> Options => [_sampler, _steps, _class, _guidance, _rescale, _nullClass, _scheduler, _inputs, _nullInputs, _size, _height, _width, _decoder, _eta];

    /// <summary>The decoder that is asked for; null for that of the model's folder.</summary>
    public string? Decoder(CommandContext context) => context.Get(_decoder);

    /// <summary>The scheduler and the settings of the sampler for a model.</summary>
    /// <param name="context">The command line.</param>
    /// <param name="model">The model.</param>
    /// <param name="shape">The shape of its samples.</param>
    public SamplerChoice ChooseSampler(CommandContext context, SampledModel model, long[] shape)
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
            Steps = context.IsGiven(_steps) ? context.Get(_steps) : Math.Min(preset?.Steps ?? SamplerPresets.UsualSteps(config), _maxUsualSteps ?? int.MaxValue),
            Eta = context.Get(_eta),
            SequenceLength = shape.Length == 2 ? (int)shape[0] : shape.Length == 3 ? (int)(shape[1] / 2 * (shape[2] / 2)) : null,
        };
        context.Console.Detail($"{config.ClassName}, {settings.Steps} steps{(file is null ? "" : $", from '{file}'")}");
        return new SamplerChoice(config, settings);
    }

    /// <summary>Which samples are drawn.</summary>
    /// <param name="context">The command line.</param>
    /// <param name="model">The model.</param>
    /// <param name="decoder">Makes images of latents; null for none.</param>
    /// <param name="prompts">What the samples are to show; null for none.</param>
    /// <param name="count">How many.</param>
    public SamplingOptions Read(CommandContext context, SampledModel model, LatentDecoder? decoder, EncodedPrompts? prompts, int count)
    {
        var scale = context.IsGiven(_guidance) || prompts is null ? context.Get(_guidance) : prompts.UsualGuidance;
        var (given, without) = (ConditionFiles.Read(context.Get(_inputs)), ConditionFiles.Read(context.Get(_nullInputs)));
        var size = ImageSizes.Read(Pair(context, _size), context.IsGiven(_height) ? context.Get(_height) : null, context.IsGiven(_width) ? context.Get(_width) : null, decoder, model.SampleSize());
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
            throw new CompressToolException(ToolErrors.InvalidValue, $"'--guidance {scale.ToString(CultureInfo.InvariantCulture)}' needs a condition to guide to: {(model.Denoiser.Conditions.Count == 0 ? "the model has none" : $"give {model.Denoiser.Conditions[0].Name} with {_inputs.Name}, and without the condition with {_nullInputs.Name}")}");
        }

        var text = context.Get(_class) ?? (model.Denoiser.Labels is null ? null : "all");
        return new SamplingOptions
        {
            Count = count,
            Shape = size,
            Labels = text is null ? null : ClassList.Parse(text, count, guidance is not null && nullClass == model.Classes - 1 ? nullClass : model.Classes),
            NullLabel = nullClass,
            Conditions = given,
            NullConditions = without,
            Guidance = guidance,
        };
    }

    /// <summary>Draws samples and makes images of latents, with progress.</summary>
    /// <param name="context">Where progress is told.</param>
    /// <param name="name">What progress calls it.</param>
    /// <param name="loop">Model and sampler.</param>
    /// <param name="options">Which samples.</param>
    /// <param name="seed">What the noise depends on.</param>
    /// <param name="decoder">Makes images of latents; null for none.</param>
    public static NdArray Draw(CommandContext context, string name, SamplingLoop loop, SamplingOptions options, long seed, LatentDecoder? decoder)
    {
        NativeArray samples;
        using (var display = context.Console.StartProgress(name))
        {
            var progress = new DirectProgress<SamplingProgress>(report => display.Report(new StageProgress((double)report.Done / report.Total, $"evaluation {report.Done} of {report.Total}")));
            samples = loop.Run(options, new TorchGenerator(seed), progress, context.CancellationToken);
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

    /// <summary>Refuses samples that are no pictures.</summary>
    /// <exception cref="CompressToolException">They are not.</exception>
    public static void CheckPictures(long[] shape, LatentDecoder? decoder)
    {
        if (decoder is null && (shape.Length != 3 || shape[0] is not (1 or 3)))
        {
            throw new CompressToolException(ToolErrors.InvalidValue, $"samples of the shape [{string.Join(',', shape)}] are no pictures; if they are latents, say with --decoder what makes images of them, or write them to a .npy file");
        }
    }

    /// <summary>Two whole numbers with an x between them; null when the option is not given.</summary>
    public static (int First, int Second)? Pair(CommandContext context, Option<string?> option)
    {
        if (context.Get(option) is not { } text)
        {
            return null;
        }

        return text.Split('x') is [var first, var second] && Number(first) is { } a && Number(second) is { } b ? (a, b)
            : throw new CompressToolException(ToolErrors.InvalidValue, $"'{option.Name} {text}' is not two numbers from 1 to {MaxSide} with an x between them, e.g. 8x8");

        static int? Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= MaxSide ? number : null;
    }
}

/// <summary>A sampler that is not made yet: each run has one of its own.</summary>
/// <param name="Config">The scheduler.</param>
/// <param name="Settings">The steps and so on.</param>
internal sealed record SamplerChoice(SchedulerConfig Config, SamplerSettings Settings)
{
    /// <summary>Makes it.</summary>
    public Sampler Create() => SamplerFactory.Create(Config, Settings);

    /// <summary>Whether it asks for timesteps between whole numbers.</summary>
    public bool TakesFractions => Create().Timesteps.Any(timestep => timestep != MathF.Floor(timestep));
}
