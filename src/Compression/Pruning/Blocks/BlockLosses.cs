using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using CompressTool.Compression.Distillation;
using CompressTool.Compression.Sampling;
using CompressTool.Compression.Stages;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Loop;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>Judges blocks by a criterion; what takes long is kept, so that another target needs no second measurement.</summary>
/// <param name="model">The model.</param>
/// <param name="options">The options.</param>
/// <param name="context">Where scores are kept.</param>
internal sealed class BlockLosses(Model model, BlockPruneOptions options, StageContext context)
{
    /// <summary>Raised when the same options give other scores.</summary>
    private const int Version = 1;

    private readonly OnnxRuntimeEngine _engine = new();
    private readonly ModelSampleOptions _samples = options.Samples ?? new ModelSampleOptions { Count = 16, Steps = 10 };

    /// <summary>True when the loss of several blocks together can be measured.</summary>
    public bool IsMeasured => options.Criterion is BlockCriterion.Laptop or BlockCriterion.Sensitivity;

    /// <summary>The scores of blocks: measured now, or before.</summary>
    public BlockScores Score(IReadOnlyList<Block> blocks)
    {
        if (!IsMeasured)
        {
            return Scores(blocks, [.. blocks.Select(block => options.Criterion == BlockCriterion.Magnitude ? SquaresOf(block) : new RandomSource((ulong)context.Seed, "block " + block.Name).Stream().NextDouble())]);
        }

        if (context.Share is null || model.Path is null)
        {
            return Scores(blocks, Measure(blocks, [.. blocks.Select(block => new[] { block })], 0, 0.9));
        }

        var folder = context.Share(new SharedArtifact("block-scores", Ingredients(blocks), folder =>
            Scores(blocks, Measure(blocks, [.. blocks.Select(block => new[] { block })], 0, 0.9)).Save(Path.Combine(folder, BlockScores.FileName))));
        return BlockScores.Load(Path.Combine(folder, BlockScores.FileName));
    }

    /// <summary>The loss without some blocks together.</summary>
    public double Joint(IReadOnlyList<Block> blocks) => Measure(blocks, [blocks], 0.9, 0.1)[0];

    private static BlockScores Scores(IReadOnlyList<Block> blocks, double[] losses) => new(blocks.Zip(losses).ToDictionary(pair => pair.First.Name, pair => pair.Second));

    /// <summary>The losses of choices of blocks.</summary>
    /// <param name="blocks">All blocks of the choices.</param>
    /// <param name="choices">The choices.</param>
    /// <param name="done">The share of the work that is done before.</param>
    /// <param name="share">The share of this.</param>
    public double[] Measure(IReadOnlyList<Block> blocks, IReadOnlyList<IReadOnlyCollection<Block>> choices, double done, double share)
    {
        context.Report(done, "preparing to measure blocks");
        if (options.Criterion == BlockCriterion.Sensitivity)
        {
            using var samples = new SamplingSensitivity(_engine, model, blocks, _samples, context.CancellationToken);
            return samples.Measure(choices, Report, context.CancellationToken);
        }

        using var outputs = new BlockSensitivity(_engine, model, blocks, OpenData(), context.CancellationToken) { Samples = options.Calibration!.Samples, Seed = (ulong)context.Seed };
        return outputs.Measure(choices, Report, context.CancellationToken);

        void Report(double part) => context.Report(done + (share * part), string.Create(CultureInfo.InvariantCulture, $"measuring {choices.Count} choices of blocks, {part:0%}"));
    }

    private IBatchSource OpenData()
    {
        try
        {
            return new TrainedModel(model, Training(), context).OpenData();
        }
        catch (CompressToolException e) when (e.OptionPath is { } path)
        {
            e.OptionPath = "calibration." + path;
            throw;
        }
    }

    /// <summary>The options of a training on the same data.</summary>
    private FinetuneOptions Training() => new() { Data = options.Calibration!.Data, Noise = options.Calibration.Noise, Batch = options.Calibration.Batch, Steps = 1 };

    private Dictionary<string, string> Ingredients(IReadOnlyList<Block> blocks)
    {
        var ingredients = new Dictionary<string, string>
        {
            ["version"] = Version.ToString(CultureInfo.InvariantCulture),
            ["model"] = TeacherSamples.Fingerprint(model.Path!, context),
            ["criterion"] = options.Criterion.ToString(),
            ["blocks"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', blocks.Select(block => block.Name))))),
            ["engine"] = $"{_engine.Name} {_engine.Version}",
        };
        if (options.Criterion == BlockCriterion.Sensitivity)
        {
            ingredients["samples"] = string.Create(CultureInfo.InvariantCulture, $"{_samples.Count} {_samples.Sampler} {_samples.Steps} {_samples.Guidance:R} {_samples.Seed} {_samples.Batch} {_samples.Classes} {string.Join('x', _samples.Size)}");
            ingredients["scheduler"] = (_samples.Scheduler is { } file ? SchedulerConfig.Load(file.FullPath) : SchedulerConfig.Of(model) ?? SchedulerConfig.Default).ToString();
            foreach (var (name, path) in _samples.Inputs.Select(pair => ("input " + pair.Key, pair.Value)).Concat(_samples.NullInputs.Select(pair => ("null input " + pair.Key, pair.Value)))
                .Concat(_samples.Decoder is { } decoder ? [("decoder", decoder)] : []))
            {
                ingredients[name] = context.HashOf(path.FullPath);
            }
        }
        else
        {
            ingredients["samples"] = string.Create(CultureInfo.InvariantCulture, $"{options.Calibration!.Samples} {context.Seed}");
            ingredients["noise"] = options.Calibration.Noise.SchedulerOf(model).ToString();
            foreach (var (name, value) in OpenData().Describe())
            {
                ingredients["data " + name] = value;
            }
        }

        return ingredients;
    }

    private static double SquaresOf(Block block)
    {
        var sum = 0.0;
        foreach (var weight in block.Region.Initializers.Where(value => value.Initializer is { Count: > 1 } tensor && tensor.Type.IsFloat()))
        {
            foreach (var number in weight.Initializer!.ToFloats())
            {
                sum += (double)number * number;
            }
        }

        return sum;
    }
}
