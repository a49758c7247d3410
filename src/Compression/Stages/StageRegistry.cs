using CompressTool.Compression.Distillation;
using CompressTool.Compression.Evaluation.Images;
using CompressTool.Compression.Pruning;
using CompressTool.Compression.Quantization;

namespace CompressTool.Compression.Stages;

/// <summary>All kinds of stages. A new method adds one line here.</summary>
public static class StageRegistry
{
    /// <summary>The stages, in the order the reference lists them.</summary>
    public static IReadOnlyList<IStage> All { get; } =
    [
        new PruneStage(),
        new FinetuneStage(),
        new DistillStage(),
        new QuantizeStage(),
        new EvaluateStage(),
    ];

    /// <summary>The stage of a kind; null when there is none.</summary>
    public static IStage? Find(string kind) => All.FirstOrDefault(stage => stage.Info.Kind == kind);
}
