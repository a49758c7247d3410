using CompressTool.Diffusion.Import.Weights;
using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Layers;

/// <summary>What all places of a model share while it is built.</summary>
/// <param name="builder">The graph that grows.</param>
/// <param name="weights">Where the parameters come from.</param>
internal sealed class ModuleContext(GraphBuilder builder, IWeightSource weights)
{
    /// <summary>The graph that grows.</summary>
    public GraphBuilder Builder { get; } = builder;

    /// <summary>Where the parameters come from.</summary>
    public IWeightSource Weights { get; } = weights;

    /// <summary>The height and width that the model is to have; null leaves them open, or as the configuration has them.</summary>
    public ImageSize? Size { get; init; }

    /// <summary>How many of the last layers of a text encoder are left out of its hidden states.</summary>
    public int SkipTextLayers { get; init; }

    /// <summary>The parameters that the graph has, by name.</summary>
    public Dictionary<string, Expr> Parameters { get; } = [];

    /// <summary>Tensors of the checkpoint that the graph does not need, which stay with the model.</summary>
    public Dictionary<string, Tensor> Kept { get; } = [];
}
