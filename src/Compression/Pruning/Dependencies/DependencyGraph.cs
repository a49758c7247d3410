using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Passes;

namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>
/// Which indices of which tensors can only be removed together, for a whole model: the dependency graph of structured pruning
/// (Fang et al. 2023, DepGraph), found from the ONNX graph alone. docs/pruning.md tells how.
/// </summary>
public sealed class DependencyGraph
{
    private DependencyGraph(DependencyWalk walk, GroupFinder finder)
    {
        Walk = walk;
        Groups = finder.Groups;
        Heads = finder.Heads;
        Fixed = finder.Fixed;
    }

    /// <summary>Groups of channels, from the model's outputs backwards. No channel is in two of them.</summary>
    public IReadOnlyList<PrunableGroup> Groups { get; }

    /// <summary>Groups of whole attention heads, which consist of channels of <see cref="Groups"/>.</summary>
    public IReadOnlyList<PrunableGroup> Heads { get; }

    /// <summary>Output channels of layers that cannot be removed.</summary>
    public IReadOnlyList<FixedChannels> Fixed { get; }

    internal DependencyWalk Walk { get; }

    /// <summary>
    /// Makes a model ready: functions become nodes, and what follows from shapes becomes constant, so that numbers such as the scale
    /// of an attention stay what they are when channels go. Weights keep their names.
    /// </summary>
    public static void Prepare(Model model)
    {
        FunctionInlining.Run(model);
        ConstantFolding.Run(model, keepWeights: true);
    }

    /// <summary>Finds what is coupled.</summary>
    /// <param name="model">The model, which <see cref="Prepare"/> has made ready; it is not changed.</param>
    /// <param name="cancellationToken">Cancels the analysis.</param>
    /// <exception cref="CompressToolException">Shapes of the model contradict each other.</exception>
    public static DependencyGraph Analyze(Model model, CancellationToken cancellationToken = default)
    {
        var walk = DependencyWalk.Run(model, cancellationToken);
        return new DependencyGraph(walk, new GroupFinder(walk));
    }
}
