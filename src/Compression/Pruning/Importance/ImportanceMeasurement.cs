using System.Globalization;
using System.Text.Json.Nodes;
using CompressTool.Compression.Distillation;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Training.Engine;
using CompressTool.Training.Loop;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>Computes the gradients or activations that a criterion asks for. Its memory does not grow with the number of batches or timesteps.</summary>
/// <param name="model">The model, with the weights that it has now.</param>
/// <param name="criterion">The criterion.</param>
/// <param name="options">On what they are computed; with data.</param>
/// <param name="context">The stage's context.</param>
internal sealed class ImportanceMeasurement(Model model, StructureCriterion criterion, ImportanceOptions options, StageContext context)
{
    private readonly CriterionData _needs = CriterionFactory.Create(criterion, 0).Data;
    private readonly TrainedModel _data = new(model, DataOptions(model, criterion, options), context);

    private ulong Seed => (ulong)context.Seed;

    /// <summary>All that the numbers depend on, besides the model and the engine.</summary>
    public IReadOnlyDictionary<string, string> Describe()
    {
        var ingredients = new Dictionary<string, string>
        {
            ["statistic"] = _needs.ToString(),
            ["seed"] = context.Seed.ToString(CultureInfo.InvariantCulture),
            ["at-once"] = _data.SamplesAtOnce.ToString(CultureInfo.InvariantCulture),
            ["data"] = string.Join('\n', (IsSweep ? _data.OpenImages().Source : _data.OpenData()).Describe().Select(item => $"{item.Key}: {item.Value}")),
            ["noise"] = options.Data!.Tensors is null ? $"{options.Noise.SchedulerOf(model)} {options.Noise.MinSnr?.ToString(CultureInfo.InvariantCulture)}" : "none",
        };
        if (IsSweep)
        {
            ingredients["timesteps"] = options.Timesteps?.ToString(CultureInfo.InvariantCulture) ?? "all";
            ingredients["threshold"] = Threshold.ToString("R", CultureInfo.InvariantCulture);
            ingredients["stop"] = Stop.ToString();
        }
        else
        {
            ingredients["batches"] = options.BatchCount.ToString(CultureInfo.InvariantCulture);
        }

        return ingredients;
    }

    /// <summary>Computes the numbers.</summary>
    public ImportanceData Run() => IsSweep ? Sweep() : _needs == CriterionData.Activations ? Observe() : Average();

    private bool IsSweep => ImportanceValidation.Sweeps(criterion, options);

    /// <summary>The Taylor criteria go through all timesteps, as Diff-Pruning's own baseline does.</summary>
    private double Threshold => _needs == CriterionData.TimestepGradients ? options.Threshold ?? 0.05 : 0;

    private SweepStop Stop => criterion == StructureCriterion.DiffPruningTables ? SweepStop.BeforeGradient : SweepStop.AfterGradient;

    /// <summary>Squares are made of the gradients of single samples, unless the model takes several at once.</summary>
    private static FinetuneOptions DataOptions(Model model, StructureCriterion criterion, ImportanceOptions options)
    {
        var training = ImportanceValidation.Training(options);
        var isFixed = model.Graph.Inputs.Any(input => input.Shape is { Count: > 0 } shape && shape[0].Value is not null);
        return criterion == StructureCriterion.Fisher && !isFixed ? training with { MicroBatch = 1 } : training;
    }

    private ImportanceData Sweep()
    {
        var images = _data.OpenImages();
        var task = DenoisingTask.Create(options.Noise, model);
        var clean = images.Source.Read(Seed, 0, context.CancellationToken);
        var noise = NoisyBatch.Draw(Seed, clean.Arrays[images.Inputs.Sample.Name]);
        using var batch = new NoisyBatch(clean, noise, task, images.Inputs.Sample.Name, images.Inputs.Timestep);
        using var step = Prepare(batch.Batch);
        var sum = new GradientSum(step.Parameters);
        var sweep = new TimestepSweep(TimestepSweep.Spaced(options.Timesteps ?? task.Schedule.Timesteps, task.Schedule.Timesteps), Threshold, Stop);
        var (losses, used) = sweep.Run(step, batch, sum, Checkpoint(), (done, loss) => Report($"gradients of {done} of {sweep.Timesteps.Count} timesteps, loss {loss:0.00000}"), context.CancellationToken);
        return new ImportanceData(sum.ToTensors(), new Dictionary<string, string>
        {
            ["timesteps"] = used.ToString(CultureInfo.InvariantCulture),
            ["losses"] = new JsonArray([.. losses.Select(loss => (JsonNode)loss)]).ToJsonString(),
        }, sum);
    }

    private SweepCheckpoint? Checkpoint()
    {
        if (context.WorkFolder is not { } folder)
        {
            return null;
        }

        Directory.CreateDirectory(folder);
        var configuration = string.Join('\n', Describe().Select(item => $"{item.Key}: {item.Value}"));
        return new SweepCheckpoint(Path.Combine(folder, "importance.safetensors"), configuration, TimeSpan.FromSeconds(30));
    }

    private ImportanceData Average()
    {
        var source = _data.OpenData();
        using var first = source.Read(Seed, 0, context.CancellationToken);
        using var step = Prepare(first);
        var sum = new GradientSum(step.Parameters);
        var loss = 0.0;
        ForBatches(source, step.Samples, (part, share) =>
        {
            loss += share * step.Compute(part, context.CancellationToken);
            if (_needs == CriterionData.SquaredGradients)
            {
                sum.AddSquares(step.Gradients, share);
            }
            else
            {
                sum.Add(step.Gradients, share);
            }
        });
        return new ImportanceData(sum.ToTensors(), new Dictionary<string, string> { ["loss"] = loss.ToString("R", CultureInfo.InvariantCulture) }, sum);
    }

    private ImportanceData Observe()
    {
        var source = _data.OpenData();
        using var first = source.Read(Seed, 0, context.CancellationToken);
        using var part = first.Slice(0, _data.SamplesAtOnce);
        using var statistics = new ActivationStatistics(model, part, context.CancellationToken);
        ForBatches(source, statistics.Samples, (samples, _) => statistics.Add(samples, context.CancellationToken));
        return new ImportanceData(statistics.Variances());
    }

    private GradientStep Prepare(Batch batch)
    {
        using var part = batch.Slice(0, _data.SamplesAtOnce);
        return new GradientStep(model, part, new GradientOptions { Segments = options.Segments ?? 1 }, context.CancellationToken);
    }

    /// <summary>Visits the parts of all batches that are computed at once, each with its share of all samples.</summary>
    private void ForBatches(IBatchSource source, int samples, Action<Batch, double> visit)
    {
        for (var index = 0; index < options.BatchCount; index++)
        {
            Report($"{(_needs == CriterionData.Activations ? "activations" : "gradients")} of batch {index + 1} of {options.BatchCount}");
            using var batch = source.Read(Seed, index, context.CancellationToken);
            for (var start = 0; start < batch.Count; start += samples)
            {
                using var part = batch.Slice(start, samples);
                visit(part, (double)samples / batch.Count / options.BatchCount);
            }
        }
    }

    private void Report(FormattableString activity) => context.Report(0, activity.ToString(CultureInfo.InvariantCulture));
}
