using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Engine;

namespace CompressTool.Compression.Distillation;

/// <summary>The terms of the loss and their weights.</summary>
public sealed record DistillLosses
{
    /// <summary>Output.</summary>
    [Option("Weight of the mean squared error between the outputs of student and teacher.", Min = 0, Example = "1.0")]
    public double Output { get; init; } = 1;

    /// <summary>Task.</summary>
    [Option("Weight of the mean squared error of the task itself, as in finetune.", Min = 0, Example = "1.0")]
    public double Task { get; init; }
}

/// <summary>Options of the <c>distill</c> stage.</summary>
public sealed record DistillOptions : TrainingOptions
{
    /// <summary>The teacher.</summary>
    [Option("The model to learn from; the recipe's input model when left out.", Example = "teacher.onnx")]
    public RecipePath? Teacher { get; init; }

    /// <summary>The losses.</summary>
    [Option("The terms of the loss with their weights.", Example = "{ output: 1.0, task: 0.5 }")]
    public DistillLosses Losses { get; init; } = new();
}

/// <summary>The <c>distill</c> stage: trains all weights to do what a teacher does (Hinton et al. 2015).</summary>
public sealed class DistillStage : Stage<DistillOptions>
{
    /// <inheritdoc/>
    public override StageInfo Info { get; } = new(
        "distill",
        Version: 2,
        "Trains the weights of the model so that it gives what a teacher gives: the recipe's input model, before it was made smaller, or another one with "
            + "the same inputs and output. The data needs no labels. Weights that are zero stay zero. A run that was cut off goes on where it stood.",
        "distill: { data: { images: images.npy }, steps: 1000, losses: { output: 1.0, task: 0.5 } }")
    {
        RunShare = 0.98,
    };

    /// <inheritdoc/>
    protected override void Validate(DistillOptions options, OptionErrors errors)
    {
        TrainingValidation.Check(options, errors);
        if (options.Losses.Output == 0)
        {
            errors.Add("losses.output", "without the output's error nothing is learnt from the teacher; use finetune instead");
        }
    }

    /// <inheritdoc/>
    protected override bool DependsOnMachine(DistillOptions options) => true;

    /// <inheritdoc/>
    protected override StageResult Run(Model model, DistillOptions options, StageContext context)
    {
        var path = options.Teacher?.FullPath ?? context.SourcePath
            ?? throw new CompressToolException(CompressionErrors.InvalidTraining, "there is no input model to learn from; name a teacher") { OptionPath = "teacher" };
        var trained = new TrainedModel(model, options, context);
        using var teacher = new OnnxRuntimeTrainingEngine().Compile(path, cancellationToken: context.CancellationToken);
        var output = teacher.Outputs.FirstOrDefault(output => output.Name == trained.Output.Name) ?? teacher.Outputs[0];
        var inputs = model.Graph.Inputs.Select(input => input.Name).ToHashSet();
        if (teacher.Inputs.FirstOrDefault(input => !inputs.Contains(input.Name)) is { } missing)
        {
            throw new CompressToolException(CompressionErrors.InvalidTraining, $"the teacher takes '{missing}', which the model does not; both must have the same inputs") { OptionPath = "teacher" };
        }

        var source = new TeacherSource(trained.OpenData(path), teacher, output.Name, () => TeacherSamples.Fingerprint(path, context), trained.SamplesAtOnce);
        ErrorTerm[] terms = [new("output", options.Losses.Output, TeacherSource.Array), new("task", options.Losses.Task, NoisySource.Target)];
        return new StageResult(model, trained.Train(source, [.. terms.Where(term => term.Weight > 0)]));
    }
}
