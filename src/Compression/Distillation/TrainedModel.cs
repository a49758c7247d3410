using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization.Float16;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Engine;
using CompressTool.Training.Loop;
using CompressTool.Training.Optimization;

namespace CompressTool.Compression.Distillation;

/// <summary>
/// Trains the weights of a model: builds the loss on its graph, lets a <see cref="Trainer"/> run, and puts the weights back. A
/// training that was cut off goes on where its last checkpoint stands.
/// </summary>
internal sealed class TrainedModel
{
    private readonly Model _model;
    private readonly TrainingOptions _options;
    private readonly StageContext _context;
    private readonly int _microBatch;

    public TrainedModel(Model model, TrainingOptions options, StageContext context)
    {
        (_model, _options, _context) = (model, options, context);
        Output = TaskLoss.OutputOf(model);
        _microBatch = MicroBatch();
    }

    /// <summary>The output that the loss looks at: the first.</summary>
    public Value Output { get; }

    /// <summary>
    /// Makes the model that is trained, and changed by it, where that is not just the model once more: weights of the same names, with other
    /// operators around them. It is also what is measured.
    /// </summary>
    public Func<Model>? CreateCopy { get; set; }

    /// <summary>Samples that are computed at once.</summary>
    public int SamplesAtOnce => _microBatch;

    /// <summary>The batches: noisy images, or tensors as they are.</summary>
    /// <param name="teacher">Full path of the model whose samples may be the images; null for the recipe's input model.</param>
    public IBatchSource OpenData(string? teacher = null)
    {
        if (_options.Data.Tensors is { } tensors)
        {
            var file = SafetensorsFile.Open(tensors.FullPath);
            foreach (var input in _model.Graph.Inputs.Where(input => !file.Names.Contains(input.Name)))
            {
                throw new CompressToolException(CompressionErrors.InvalidTraining, $"'{tensors}' has no tensor '{input.Name}', which the model takes; it has {string.Join(", ", file.Names)}") { OptionPath = "data.tensors" };
            }

            return new ArraySource(file.Names.Select(name => KeyValuePair.Create(name, file[name])), _options.Batch);
        }

        return NoisyImages.Open(_model, _options, samples => new TeacherSamples(samples, _options, _context).Open(teacher));
    }

    /// <summary>The images without noise.</summary>
    public CleanImages OpenImages() => NoisyImages.OpenClean(_model, _options, samples => new TeacherSamples(samples, _options, _context).Open(null));

    /// <summary>Trains, and puts the new weights into the model.</summary>
    /// <param name="source">The batches.</param>
    /// <param name="terms">The loss: a weighted sum of mean squared errors.</param>
    public JsonObject Train(IBatchSource source, IReadOnlyList<ErrorTerm> terms)
    {
        // The first batch tells which arrays there are, and of which shapes.
        using var first = source.Read((ulong)_context.Seed, 0, _context.CancellationToken);
        using var part = first.Slice(0, _microBatch);
        var engine = new OnnxRuntimeTrainingEngine();
        using var training = Copy();
        var graph = TaskLoss.Build(training, Output.Name, part, terms);

        // The values are those of the model as it is now, which may be another than in its file.
        var current = _model.Graph.Initializers.ToDictionary(value => value.Name, value => value.Initializer!);
        var parameters = ParameterSet.Create(graph.Parameters.Keys.Select(name => KeyValuePair.Create(name, current[name])));
        var frozen = _options.KeepZeros ? Freeze(parameters) : 0;
        using var function = engine.CompileGradient(
            graph.Model, TaskLoss.Name, [.. graph.Parameters.Keys], new GradientOptions { Segments = _options.Segments }, cancellationToken: _context.CancellationToken);
        using var step = new FunctionStep(function, parameters, TaskLoss.Name, [.. terms.Select(term => term.Name)], new NonFiniteSearch(engine, () => TaskLoss.Build(Copy(), Output.Name, part, terms).Model));
        var trainer = new Trainer(parameters, step, source, new TrainerOptions
        {
            Steps = _options.Steps,
            Seed = (ulong)_context.Seed,
            Optimizer = _options.CreateOptimizer(),
            Schedule = _options.CreateSchedule(),
            ClipNorm = _options.ClipNorm is 0 ? null : _options.ClipNorm,
            Average = _options.Ema is { } decay ? new MovingAverageOptions { Decay = decay } : null,
            MicroBatch = _microBatch,
            CheckpointFolder = _context.WorkFolder,
            CheckpointInterval = TimeSpan.FromSeconds(30),
        });
        var result = trainer.Run(
            new DirectProgress<TrainingProgress>(progress => _context.Report((double)progress.Step / progress.Steps, Describe(progress))), _context.CancellationToken);
        var metrics = new JsonObject { ["steps"] = result.Steps, ["parameters"] = parameters.Layout.Count, ["frozenZeros"] = frozen, ["loss"] = result.SmoothedLoss };
        metrics["lossCurve"] = new JsonArray([.. result.LossCurve.Select(point => new JsonArray(point.Step, point.Loss))]);
        var evaluation = new TaskEvaluation(source, Output.Name, _microBatch, _context);
        Evaluate("taskLossBefore");
        PutBack(trainer.Average?.Values ?? parameters.Values);
        Evaluate("taskLoss");
        evaluation.Add(metrics, "taskLossOfInput", _context.SourcePath);
        return metrics;

        void Evaluate(string name)
        {
            using var copy = CreateCopy?.Invoke();
            evaluation.Add(metrics, name, copy ?? _model);
        }
    }

    private Model Copy() => CreateCopy?.Invoke() ?? TaskLoss.Copy(_model);

    private static string Describe(TrainingProgress progress) => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"step {progress.Step} of {progress.Steps}, loss {progress.SmoothedLoss:0.00000}, {progress.SamplesPerSecond:0.0} samples/s");

    /// <summary>The batch that the model fixes, or what the recipe says.</summary>
    private int MicroBatch()
    {
        var wanted = _options.MicroBatch ?? _options.Batch;
        var given = _model.Graph.Inputs.Select(input => input.Shape is { Count: > 0 } shape ? shape[0].Value : null).FirstOrDefault(size => size is not null);
        if (given is { } size && _options.MicroBatch is null)
        {
            wanted = (int)size;
        }

        return given is { } other && other != wanted
            ? throw new CompressToolException(CompressionErrors.InvalidTraining, $"the model takes {other} samples at once, not {wanted}") { OptionPath = "micro-batch" }
            : _options.Batch % wanted != 0
            ? throw new CompressToolException(CompressionErrors.InvalidTraining, $"a batch of {_options.Batch} is not a multiple of the {wanted} samples that are computed at once") { OptionPath = "batch" }
            : wanted;
    }

    private static long Freeze(ParameterSet parameters)
    {
        long frozen = 0;
        foreach (var slot in parameters.Layout.Slots.Where(slot => slot.Dims.Count > 1))
        {
            var mask = ParameterMask.FromNonZeros(parameters.Values[slot.Name]);
            if (mask.Kept < slot.Count)
            {
                parameters.SetMask(slot.Name, mask);
                frozen += slot.Count - mask.Kept;
            }
        }

        return frozen;
    }

    /// <summary>Weights get the types that they had. The tensors go on living in the block, which is freed when nobody holds them any more.</summary>
    private void PutBack(ParameterBlock values)
    {
        var initializers = _model.Graph.Initializers.ToDictionary(value => value.Name);
        foreach (var (name, tensor) in values.ToTensors())
        {
            Graph.ReplaceInitializer(initializers[name], initializers[name].ElementType switch
            {
                DataType.Float16 => HalfTensor.From(tensor),
                DataType.BFloat16 => BrainFloatTensor.From(tensor),
                _ => tensor,
            });
        }
    }
}
