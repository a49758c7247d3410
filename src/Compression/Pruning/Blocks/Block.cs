using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>Why a part of a graph can go.</summary>
public enum BlockKind
{
    /// <summary>A branch that is added to its own input, <c>x + f(x)</c>: <c>f</c> goes and <c>x</c> stays.</summary>
    Residual,

    /// <summary>A branch that is added to a projection of its input, <c>Wx + f(x)</c>: <c>f</c> goes and <c>Wx</c> stays.</summary>
    Shortcut,

    /// <summary>Several residual blocks in a row that belong together, such as attention and feed-forward network of a transformer layer.</summary>
    Chain,

    /// <summary>Layers in a row that give a value of the shape that they take.</summary>
    Series,

    /// <summary>A step of a decoder: takes a skip from the encoder, and gives a value of the shape that came from the step before.</summary>
    Slot,

    /// <summary>All between a skip of an encoder and the place in the decoder that takes it: the inner levels of a U-Net.</summary>
    Level,
}

/// <summary>A value that another one of the same shape takes the place of.</summary>
/// <param name="Exit">What goes: the result of a block.</param>
/// <param name="Entry">What stands for it everywhere afterwards: computed before it, and of its shape.</param>
public readonly record struct Bypass(Value Exit, Value Entry);

/// <summary>A part of a graph that can be removed, leaving a valid graph: its results are replaced by values that come into it.</summary>
public sealed class Block
{
    internal Block(BlockKind kind, Value source, IReadOnlyList<Bypass> bypasses, BlockRegion region, BlockCost cost)
    {
        (Kind, Source, Bypasses, Region, Cost) = (kind, source, bypasses, region, cost);
    }

    /// <summary>Its name, unique in the model: the modules that its layers have in common, as far as node names tell; a label only.</summary>
    public string Name { get; internal set; } = "";

    /// <summary>Why it can go.</summary>
    public BlockKind Kind { get; }

    /// <summary>The value that it works on.</summary>
    public Value Source { get; }

    /// <summary>What is bypassed when it goes, in the order of the graph.</summary>
    public IReadOnlyList<Bypass> Bypasses { get; }

    /// <summary>Its last value.</summary>
    public Value Exit => Bypasses[^1].Exit;

    /// <summary>The nodes that go with it, when it goes alone.</summary>
    public IReadOnlySet<Node> Nodes => Region.Nodes;

    /// <summary>Elements of the weights that go with it.</summary>
    public long Parameters => Cost.Parameters;

    /// <summary>Multiply-accumulate operations with weights that go with it, for one sample.</summary>
    public double Macs => Cost.Macs;

    /// <summary>All multiply-accumulate operations that go with it, for one sample.</summary>
    public double MacsWithAttention => Cost.MacsWithAttention;

    /// <summary>The smallest block that it is inside of; null when there is none.</summary>
    public Block? Parent { get; internal set; }

    internal BlockRegion Region { get; }

    internal BlockCost Cost { get; }

    /// <summary>True for a block that this one is inside of, at any depth.</summary>
    public bool IsInside(Block other)
    {
        for (var block = Parent; block is not null; block = block.Parent)
        {
            if (block == other)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The nodes that project or move <see cref="Source"/> to what stays when the block goes; none for most kinds.</summary>
    internal IEnumerable<Node> ShortcutNodes()
    {
        if (Kind == BlockKind.Shortcut)
        {
            for (var value = Bypasses[0].Entry; value != Source && value.Producer is { } node; value = node.Inputs[0]!)
            {
                yield return node;
            }
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({Kind}, {Parameters} parameters)";
}

/// <summary>What a block costs.</summary>
/// <param name="Parameters">Elements of its weights.</param>
/// <param name="Macs">Multiply-accumulate operations with weights, for one sample.</param>
/// <param name="MacsWithAttention">All multiply-accumulate operations, for one sample.</param>
internal readonly record struct BlockCost(long Parameters, double Macs, double MacsWithAttention);
