using CompressTool.Compression.Stages;
using CompressTool.Onnx;

namespace CompressTool.Compression.Distillation;

/// <summary>Options of the <c>finetune</c> stage.</summary>
public sealed record FinetuneOptions : TrainingOptions;

/// <summary>The <c>finetune</c> stage: trains all weights on the task of the model.</summary>
public sealed class FinetuneStage : Stage<FinetuneOptions>
{
    /// <inheritdoc/>
    public override StageInfo Info { get; } = new(
        "finetune",
        Version: 2,
        "Trains the weights of the model on its own task, so that it recovers from what stages before it took away: a diffusion model learns to predict "
            + "the noise in images (or the sample, or the velocity), any model to give the targets that go with given inputs. Weights that are zero stay "
            + "zero. A run that was cut off goes on where it stood.",
        "finetune: { data: { images: images.npy }, steps: 1000, learning-rate: 0.0001, schedule: cosine }")
    {
        RunShare = 0.98,
    };

    /// <inheritdoc/>
    protected override void Validate(FinetuneOptions options, OptionErrors errors) => TrainingValidation.Check(options, errors);

    /// <inheritdoc/>
    protected override bool DependsOnMachine(FinetuneOptions options) => true;

    /// <inheritdoc/>
    protected override StageResult Run(Model model, FinetuneOptions options, StageContext context)
    {
        var trained = new TrainedModel(model, options, context);
        return new StageResult(model, trained.Train(trained.OpenData(), [new ErrorTerm("task", 1, NoisySource.Target)]));
    }
}
