using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Loop.Places;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Loop;

/// <summary>
/// Trains parameters: takes the batch of each step, computes loss and gradients, and lets the optimizer make its step. All
/// that happens is a function of the options, the data and the initial parameters: a training that was cut off goes on from
/// its last checkpoint and ends with the same bits as an undisturbed one on the same machine.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly IBatchSource _source;
    private readonly TrainerOptions _options;
    private readonly ITrainingStep _step;
    private readonly TrainingPlace _place;
    private readonly CheckpointFolder? _checkpoints;
    private readonly CheckpointWriter? _writer;
    private readonly List<(long Step, double Value)> _evaluations = [];
    private readonly LossCurve _curve;
    private SmoothedLoss _loss;
    private LossScale _scale;
    private long _saved = -1;
    private long _savedAt;

    /// <summary>Prepares a training.</summary>
    /// <param name="parameters">What is trained, with the values and masks it starts from; it must live longer.</param>
    /// <param name="step">Computes the gradients.</param>
    /// <param name="source">Gives the data.</param>
    /// <param name="options">How.</param>
    /// <exception cref="CompressToolException">An option is out of its range (<see cref="TrainingErrors.InvalidOption"/>).</exception>
    public Trainer(ParameterSet parameters, ITrainingStep step, IBatchSource source, TrainerOptions options)
    {
        options.Check();
        _source = source;
        _options = options;
        _curve = new LossCurve(options.Steps);
        Parameters = parameters;
        Optimizer = options.Optimizer.Create(parameters);
        Optimizer.Threads = options.Threads;
        Average = options.Average is { } average ? new MovingAverage(parameters, average) : null;
        _step = step;
        _scale = LossScale.First(options.LossScale);
        if (options.LossScale is not null && step is not IScaledTrainingStep { CanScale: true })
        {
            throw new CompressToolException(TrainingErrors.InvalidOption, "the loss shall be scaled, but the function was compiled without a scale of the loss");
        }

        _place = step is IDeviceTrainingStep { Device: { } device } deviceStep
            ? new DevicePlace(deviceStep, device, Optimizer, Average, options.MicroBatch)
            : new HostPlace(step, Optimizer, Average, options.MicroBatch);
        if (options.CheckpointFolder is { } folder)
        {
            IReadOnlyList<KeyValuePair<string, string>> configuration =
            [
                .. options.Describe(), .. source.Describe(),
                new("initial parameters", Checksum.Of([], parameters.Values.ToTensors())), new("masks", Checksum.OfMasks(parameters)),
            ];
            var checkpoint = new Checkpoint(Optimizer, Average, configuration);
            _checkpoints = new CheckpointFolder(folder, options.KeepCheckpoints, checkpoint);
            _writer = new CheckpointWriter(_checkpoints, checkpoint);
        }
    }

    /// <summary>What is trained. A training on a device brings the values up to date before evaluations and checkpoints, and at its end.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>The optimizer with its state.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>The moving average of the parameters; null when there is none.</summary>
    public MovingAverage? Average { get; }

    /// <summary>Where the numbers live during <see cref="Run"/>.</summary>
    internal TrainingPlace Place => _place;

    /// <summary>Steps made.</summary>
    public long Step { get; private set; }

    /// <summary>Where <see cref="Run"/> went on; null when it started from the beginning.</summary>
    public ResumedTraining? Resumed { get; private set; }

    /// <summary>
    /// Measures the parameters as they are, or their average after <see cref="ParameterBlock.Swap"/>, and leaves them as they were; called after every
    /// <see cref="TrainerOptions.EvaluateEvery"/> steps and after the last one. Null for no evaluation.
    /// </summary>
    public Func<Trainer, CancellationToken, double>? Evaluate { get; set; }

    /// <summary>Tells the time, for the pace and the checkpoints by time.</summary>
    internal TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Trains to the last step; goes on from the newest checkpoint, if there is one.</summary>
    /// <param name="progress">Told after every step, on this thread where it allows that; null for nobody.</param>
    /// <param name="cancellationToken">Ends the training: a last checkpoint is written, if there are any.</param>
    /// <exception cref="CompressToolException">The loss or a gradient is not finite (<see cref="TrainingErrors.NonFiniteLoss"/>,
    /// <see cref="TrainingErrors.NonFiniteGradient"/>; the parameters are those before the step), a checkpoint is damaged or of
    /// another training, or cannot be written, or the data cannot be used.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public TrainingResult Run(IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Resume();
        if (Step < _options.Steps)
        {
            _place.Load(cancellationToken);
            try
            {
                using var batches = new BatchPrefetcher(_source, _options.Seed, (Step, _options.Steps), _options.Prefetch, cancellationToken);
                var pace = new Pace(Clock);
                while (Step < _options.Steps)
                {
                    using var batch = batches.Next(cancellationToken);
                    MakeStep(batch, pace, progress, cancellationToken);
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                _place.Store();
                Save();
                _writer?.Finish();
                throw;
            }

            _place.Store();
        }

        Save();
        _writer?.Finish();
        return new TrainingResult(Step, _loss.Value, _evaluations) { LossCurve = _curve.Points };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer?.Dispose();
        _place.Dispose();
        Average?.Dispose();
        Optimizer.Dispose();
    }

    private void Resume()
    {
        _savedAt = Clock.GetTimestamp();
        if (Step > 0 || _checkpoints?.Resume() is not { } found)
        {
            return;
        }

        if (found.Resumed.Step > _options.Steps)
        {
            throw new CompressToolException(TrainingErrors.ForeignCheckpoint,
                $"the checkpoint '{found.Resumed.Path}' is of step {found.Resumed.Step}, and the training has {_options.Steps}; delete it to start again");
        }

        (Resumed, var state) = found;
        (Step, _loss, _scale) = (state.Step, state.Loss, state.Scale);
        _curve.Resume(state.Curve);
        _saved = Step;
    }

    private void MakeStep(Batch batch, Pace pace, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        var rate = _options.Optimizer.LearningRate * _options.Schedule.FactorAt(Step, _options.Steps);
        _writer?.ThrowIfFailed();
        var (loss, norm) = ComputeGradients(batch, cancellationToken);
        if (!double.IsFinite(loss.Total) || !double.IsFinite(norm))
        {
            throw NonFinite(batch, loss, norm, cancellationToken);
        }

        _place.Update(rate, GradientNorm.ClipFactor(norm, _options.ClipNorm) / _scale.Value);
        _scale = _scale.AfterStep(_options.LossScale);
        _loss.Add(loss.Total);
        Step++;
        _curve.Add(Step, _loss.Value);

        double? evaluation = null;
        if (Evaluate is not null && (Step == _options.Steps || (_options.EvaluateEvery > 0 && Step % _options.EvaluateEvery == 0)))
        {
            _place.Store();
            evaluation = Evaluate(this, cancellationToken);
            _evaluations.Add((Step, evaluation.Value));
        }

        if ((_options.CheckpointEvery > 0 && Step % _options.CheckpointEvery == 0)
            || (_options.CheckpointInterval > TimeSpan.Zero && Clock.GetElapsedTime(_savedAt) >= _options.CheckpointInterval))
        {
            Save();
        }

        var (samplesPerSecond, time) = pace.Add(batch.Count);
        progress?.Report(new TrainingProgress(Step, _options.Steps, loss, _loss.Value, norm, rate, samplesPerSecond, time * (_options.Steps - Step), evaluation));
    }

    /// <summary>Computes loss and gradients, the latter times the scale; again with a lower one as long as it is too high.</summary>
    /// <returns>The loss, and the norm of the gradients without the scale.</returns>
    private (LossValue Loss, double Norm) ComputeGradients(Batch batch, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_options.LossScale is not null)
            {
                ((IScaledTrainingStep)_step).LossScale = _scale.Value;
            }

            var loss = _place.Compute(batch, cancellationToken);
            var norm = _place.GradientNorm() / _scale.Value;
            if (!double.IsFinite(loss.Total) || double.IsFinite(norm) || _scale.Lowered(_options.LossScale) is not { } lowered)
            {
                return (loss, norm);
            }

            _scale = lowered;
        }
    }

    private void Save()
    {
        if (_writer is not null && Step != _saved)
        {
            _place.Store();
            _writer.Begin(new LoopState(Step, _loss, _scale) { Curve = _curve.ToString() });
            _saved = Step;
        }

        _savedAt = Clock.GetTimestamp();
    }

    private CompressToolException NonFinite(Batch batch, LossValue loss, double norm, CancellationToken cancellationToken)
    {
        _place.Store();
        _place.StoreGradients();
        var first = _place.FindNonFinite(_step, batch, cancellationToken) is { } found ? $"; the first bad value is {found}" : "";
        const string wayOut = "; lower the learning rate, warm up longer, or clip the gradients";
        if (!double.IsFinite(loss.Total))
        {
            var term = loss.Terms.Where(term => !double.IsFinite(term.Value)).Select(term => $" (its term '{term.Name}')").FirstOrDefault("");
            return new CompressToolException(TrainingErrors.NonFiniteLoss, $"the loss{term} is {Numbers.Text(loss.Total)} in step {Step + 1} of {_options.Steps}{first}{wayOut}");
        }

        // A device adds squares in float32, which gradients may be too large for that are finite themselves.
        var what = GradientNorm.FirstNonFinite(Parameters) is var (parameter, index, value)
            ? $"the gradient of '{parameter.Name}' is {Numbers.Text(value)} at element {index}" : $"the norm of the gradients is {Numbers.Text(norm)}";
        return new CompressToolException(TrainingErrors.NonFiniteGradient, $"{what} in step {Step + 1} of {_options.Steps}{first}{wayOut}");
    }
}
