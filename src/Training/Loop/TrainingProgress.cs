namespace CompressTool.Training.Loop;

/// <summary>How a training stands after a step.</summary>
/// <param name="Step">Steps made, those before a resume included.</param>
/// <param name="Steps">Steps of the whole training.</param>
/// <param name="Loss">The loss of this step, before its update.</param>
/// <param name="SmoothedLoss">The mean of the last losses, which weighs a loss less the older it is (exponentially, over about 50 steps).</param>
/// <param name="GradientNorm">The norm of all gradients together, before clipping.</param>
/// <param name="LearningRate">The learning rate of this step.</param>
/// <param name="SamplesPerSecond">Samples a second over the last steps.</param>
/// <param name="TimeLeft">The time that the remaining steps will take at the pace of the last ones.</param>
/// <param name="Evaluation">The result of an evaluation after this step; null when there was none.</param>
public sealed record TrainingProgress(
    long Step, long Steps, LossValue Loss, double SmoothedLoss, double GradientNorm, double LearningRate, double SamplesPerSecond, TimeSpan TimeLeft, double? Evaluation);

/// <summary>How a training ended.</summary>
/// <param name="Steps">Steps made.</param>
/// <param name="SmoothedLoss">The smoothed loss after the last step; NaN without steps.</param>
/// <param name="Evaluations">The evaluations of this run, with the steps made before them.</param>
public sealed record TrainingResult(long Steps, double SmoothedLoss, IReadOnlyList<(long Step, double Value)> Evaluations)
{
    /// <summary>The smoothed loss after about a hundred of the steps, evenly spread, those before a resume included.</summary>
    public IReadOnlyList<(long Step, double Loss)> LossCurve { get; init; } = [];
}

/// <summary>Where a training went on.</summary>
/// <param name="Step">Steps made before.</param>
/// <param name="Path">The checkpoint.</param>
/// <param name="Skipped">Messages about newer checkpoints that were damaged.</param>
public sealed record ResumedTraining(long Step, string Path, IReadOnlyList<string> Skipped);
