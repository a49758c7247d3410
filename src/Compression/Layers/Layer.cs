using CompressTool.Onnx;

namespace CompressTool.Compression;

/// <summary>The operator of a layer.</summary>
public enum LayerKind
{
    /// <summary>Convolution; the weight seen by the node is [output, input / groups, kernel...].</summary>
    Conv,
    /// <summary>Transposed convolution; the weight seen by the node is [input, output / groups, kernel...].</summary>
    ConvTranspose,
    /// <summary>General matrix product.</summary>
    Gemm,
    /// <summary>Matrix product.</summary>
    MatMul,
}

/// <summary>
/// A layer with weights: a constant of rank 2 or more that convolutions or matrix products take, directly or behind
/// Transpose, Reshape, Squeeze, Unsqueeze, Identity or Cast. Nodes that share the weight are one layer.
/// </summary>
public sealed class Layer
{
    internal Layer(string name, LayerKind kind, Value weight, IReadOnlyList<Use> uses, int? outputAxis, int? inputAxis, int groups)
    {
        Name = name;
        Kind = kind;
        Weight = weight;
        Uses = uses;
        OutputAxis = outputAxis;
        InputAxis = inputAxis;
        Groups = groups;
    }

    /// <summary>
    /// Its name, unique in the model: the weight's name without <c>.weight</c> where the exporter kept it, else the module path
    /// in the node's name (<c>/mid_block/attentions.0/to_q/MatMul</c> is <c>mid_block.attentions.0.to_q</c>).
    /// </summary>
    public string Name { get; }

    /// <summary>The operator of the first node.</summary>
    public LayerKind Kind { get; }

    /// <summary>The constant, as stored: an initializer (which may be a graph input too) or the output of a Constant node.</summary>
    public Value Weight { get; }

    /// <summary>The nodes of the layer in graph order, each with the input where the weight arrives.</summary>
    public IReadOnlyList<Use> Uses { get; }

    /// <summary>The first node.</summary>
    public Node Node => Uses[0].Node;

    /// <summary>The axis of the stored weight along which output channels run; null when a Reshape mixes it or the nodes disagree.</summary>
    public int? OutputAxis { get; }

    /// <summary>The axis of the stored weight along which input channels run; null when a Reshape mixes it or the nodes disagree.</summary>
    public int? InputAxis { get; }

    /// <summary>
    /// Number of channel groups; 1 unless a grouped convolution. The input axis of a Conv holds one group's channels, the
    /// output axis all groups; of a ConvTranspose it is the other way round.
    /// </summary>
    public int Groups { get; }

    /// <summary>True when every node takes the stored constant itself, without anything in between.</summary>
    public bool IsDirect => Uses.All(use => use.Node.Inputs[use.Index] == Weight);

    /// <summary>The weight's tensor, as it is now.</summary>
    public Tensor Tensor => Layers.ConstantOf(Weight)!;

    /// <summary>Input channels that one output channel sees; null when <see cref="InputAxis"/> is.</summary>
    public long? InputChannelsPerGroup => InputAxis is not { } axis ? null : Tensor.Dims[axis] / (Kind == LayerKind.ConvTranspose ? Groups : 1);

    /// <summary>Gives the weight another tensor.</summary>
    public void Replace(Tensor tensor) => Layers.ReplaceConstant(Weight, tensor);

    /// <summary>Gives the weight other elements of the same type and dimensions.</summary>
    public void Replace(TensorData data)
    {
        var tensor = Tensor;
        Replace(new Tensor(tensor.Type, tensor.Dims, data) { Name = tensor.Name, DocString = tensor.DocString, Metadata = tensor.Metadata });
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({Kind} {Tensor})";
}
