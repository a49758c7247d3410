using CompressTool.Diffusion.Sampling;
using CompressTool.Onnx;

namespace CompressTool.Compression.Distillation;

/// <summary>What the inputs of a diffusion model are for.</summary>
/// <param name="Sample">Noisy samples: float32 with 4 dimensions.</param>
/// <param name="Timestep">A timestep for each sample.</param>
/// <param name="Labels">A class for each sample; null where the model has no classes.</param>
internal sealed record DiffusionInputs(Value Sample, Value Timestep, Value? Labels)
{
    private static readonly string[] s_labelNames = ["class_labels", "class_label", "labels", "label", "classes", "y"];

    /// <summary>Tells the inputs of a model apart; null when they are not those of a diffusion model on images.</summary>
    public static DiffusionInputs? Find(Graph graph)
    {
        var sample = graph.Inputs.FirstOrDefault(input => input.ElementType == DataType.Float && input.Shape is { Count: 4 });
        var others = graph.Inputs.Where(input => input != sample).ToArray();
        if (sample is null || others.Length is 0 or > 2 || others.Any(input => input.Shape is not { Count: 1 }))
        {
            return null;
        }

        var labels = others.Length == 2 ? others.FirstOrDefault(input => s_labelNames.Contains(input.Name)) : null;
        return others.Length == 2 && labels is null ? null : new DiffusionInputs(sample, others.First(input => input != labels), labels);
    }

    /// <summary>How many classes the model has an embedding for, that of no class included; null when that cannot be seen.</summary>
    public long? Classes() => Labels is null ? null : ClassEmbedding.Classes(Labels);
}
