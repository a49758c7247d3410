using CompressTool.Compression.Data;
using CompressTool.Compression.Options;
using CompressTool.Compression.Sampling;
using CompressTool.Training.Optimization;

namespace CompressTool.Compression.Distillation;

/// <summary>The optimizer.</summary>
public enum OptimizerKind
{
    /// <summary>AdamW.</summary>
    [OptionName("adamw", Description = "Adam with decoupled weight decay (Loshchilov and Hutter 2019).")]
    AdamW,

    /// <summary>Adam.</summary>
    [OptionName("adam", Description = "Adam (Kingma and Ba 2015); weight decay is added to the gradient.")]
    Adam,

    /// <summary>SGD with momentum.</summary>
    [OptionName("sgd", Description = "Stochastic gradient descent with momentum 0.9.")]
    Sgd,
}

/// <summary>How the learning rate changes over the steps.</summary>
public enum RateSchedule
{
    /// <summary>It stays.</summary>
    [OptionName("constant", Description = "It stays as it is.")]
    Constant,

    /// <summary>It falls to zero along a line.</summary>
    [OptionName("linear", Description = "It falls to zero along a line.")]
    Linear,

    /// <summary>It falls to zero along half a cosine.</summary>
    [OptionName("cosine", Description = "It falls to zero along half a cosine.")]
    Cosine,
}

/// <summary>What a training sees: images, or tensors as they are.</summary>
public sealed record TrainingData : ImageOptions
{
    /// <summary>Given inputs.</summary>
    [Option("A .safetensors file with a tensor for each input of the model, and 'target' for finetune; the first dimension counts samples.", Example = "samples.safetensors")]
    public RecipePath? Tensors { get; init; }

    /// <summary>Samples of the teacher.</summary>
    [Option("Samples drawn from the teacher (for finetune: the recipe's input model) instead of images, with the classes in turns: no data is needed. They are drawn once and kept.", Example = "{ count: 2048, steps: 50 }")]
    public SampleOptions? TeacherSamples { get; init; }

    /// <summary>Mirroring.</summary>
    [Option("Whether every second image, chosen at random, is mirrored left to right.")]
    public bool Flip { get; init; }

    /// <summary>Label dropout.</summary>
    [Option("Share of samples that get the label of no class instead of their own, so that the model can be guided (classifier-free guidance).", Min = 0, Max = 1, Example = "0.1")]
    public double LabelDropout { get; init; }

    /// <summary>Label of no class.</summary>
    [Option("The label of no class; the number of classes of the images when left out, so that the model has one class more than they.", Min = 0)]
    public int? NullLabel { get; init; }
}

/// <summary>The options of a training that <c>finetune</c> and <c>distill</c> share.</summary>
public abstract record TrainingOptions
{
    /// <summary>The data.</summary>
    [Option("What the model is trained on: images, to which the noise schedule adds noise, or tensors.", Required = true, Example = "{ images: images.npy }")]
    public TrainingData Data { get; init; } = new();

    /// <summary>Steps.</summary>
    [Option("Number of optimizer steps.", Required = true, Min = 1, Example = "1000")]
    public int Steps { get; init; }

    /// <summary>Batch size.</summary>
    [Option("Samples of a step. For a model of fixed batch a multiple of it.", Min = 1, Example = "16")]
    public int Batch { get; init; } = 16;

    /// <summary>Samples computed at once.</summary>
    [Option("Samples computed at once; the gradients of a batch are added up. Less memory, the same result up to rounding. The whole batch when left out.", Min = 1)]
    public int? MicroBatch { get; init; }

    /// <summary>Optimizer.</summary>
    [Option("The optimizer.", Example = "adamw")]
    public OptimizerKind Optimizer { get; init; } = OptimizerKind.AdamW;

    /// <summary>Learning rate.</summary>
    [Option("Learning rate at its highest.", Min = 0, Example = "0.0001")]
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>Learning rate schedule.</summary>
    [Option("How the learning rate changes after the warm-up.", Example = "cosine")]
    public RateSchedule Schedule { get; init; } = RateSchedule.Constant;

    /// <summary>Warm-up.</summary>
    [Option("Steps over which the learning rate rises from zero.", Min = 0)]
    public int WarmUp { get; init; }

    /// <summary>Weight decay.</summary>
    [Option("Weight decay.", Min = 0)]
    public double WeightDecay { get; init; }

    /// <summary>Gradient clipping.</summary>
    [Option("Largest norm of all gradients together; larger ones are scaled down to it. No limit when left out.", Min = 0, Example = "1.0")]
    public double? ClipNorm { get; init; } = 1.0;

    /// <summary>Moving average.</summary>
    [Option("Decay of the moving average of the weights, which is what the stage hands on: min(decay, (1 + s) / (10 + s)) in step s. The last weights when left out.", Min = 0, Max = 1, Example = "0.999")]
    public double? Ema { get; init; }

    /// <summary>Frozen zeros.</summary>
    [Option("Whether weights that are zero stay zero, so that a pruned model stays as sparse as it is.")]
    public bool KeepZeros { get; init; } = true;

    /// <summary>Gradient checkpointing.</summary>
    [Option("Segments of the model whose inner values are computed a second time instead of being kept: less memory for about a third more time. 1 keeps all, 0 chooses.", Min = 0)]
    public int Segments { get; init; } = 1;

    /// <summary>Noise.</summary>
    [Option("How images become noisy samples of a diffusion model, and what the model predicts.")]
    public NoiseOptions Noise { get; init; } = new();

    /// <summary>The optimizer's options.</summary>
    internal OptimizerOptions CreateOptimizer() => Optimizer switch
    {
        OptimizerKind.Adam => new AdamOptions { LearningRate = LearningRate, WeightDecay = WeightDecay },
        OptimizerKind.Sgd => new SgdOptions { LearningRate = LearningRate, WeightDecay = WeightDecay, Momentum = 0.9 },
        _ => new AdamWOptions { LearningRate = LearningRate, WeightDecay = WeightDecay },
    };

    /// <summary>The learning rate's schedule.</summary>
    internal LearningRateSchedule CreateSchedule() => new()
    {
        Decay = Schedule switch { RateSchedule.Linear => LearningRateDecay.Linear, RateSchedule.Cosine => LearningRateDecay.Cosine, _ => LearningRateDecay.Constant },
        WarmUpSteps = WarmUp,
    };
}
