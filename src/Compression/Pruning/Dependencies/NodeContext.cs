using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>What a rule sees of a node: its inputs' layouts and dimensions, and where to put those of its outputs.</summary>
/// <param name="analysis">The analysis.</param>
/// <param name="node">The node.</param>
internal sealed class NodeContext(DependencyWalk analysis, Node node)
{
    /// <summary>The node.</summary>
    public Node Node { get; } = node;

    /// <summary>Couples axes.</summary>
    public Coupling Coupling => analysis.Coupling;

    /// <summary>The grids.</summary>
    public GridCache Grids => analysis.Coupling.Grids;

    /// <summary>How reasons call the node.</summary>
    public string Where => $"{Node.OpType} '{Node.DisplayName}'";

    /// <summary>The version of the standard operators.</summary>
    public long Opset => analysis.Opset;

    /// <summary>Whether an input is given.</summary>
    public bool Has(int input) => Node.Input(input) is not null;

    /// <summary>The layout of an input; a constant gets one of new slots.</summary>
    public Layout Input(int index) => analysis.LayoutOf(Node.Input(index)!);

    /// <summary>Dimensions of an input.</summary>
    public int[] DimsOf(int index) => analysis.DimsOf(Node.Input(index)!)!;

    /// <summary>Dimensions of an output.</summary>
    public int[] OutputDims(int index = 0) => analysis.DimsOf(Node.Output(index)!)!;

    /// <summary>The content of an input when it is constant and small; null otherwise.</summary>
    public Tensor? ConstantOf(int index) => Node.Input(index) is { } value ? analysis.ConstantOf(value) : null;

    /// <summary>The content of an integer input when it is constant; null otherwise.</summary>
    public long[]? NumbersOf(int index) => ConstantOf(index) is { } tensor && !tensor.Type.IsFloat() ? tensor.ToInt64s() : null;

    /// <summary>Numbers that are an attribute in old versions of an operator and an input in new ones.</summary>
    public long[]? Numbers(string attribute, int input) => Node.GetInts(attribute)?.ToArray() ?? NumbersOf(input);

    /// <summary>An axis counted from the front.</summary>
    public int Axis(string attribute, long defaultValue, int rank) => Axis(Node.GetInt(attribute, defaultValue), rank);

    /// <summary>An axis counted from the front.</summary>
    public static int Axis(long axis, int rank) => (int)(axis < 0 ? axis + rank : axis);

    /// <summary>Sets the layout of an output.</summary>
    public void Output(Layout layout, int index = 0)
    {
        if (Node.Output(index) is { } value)
        {
            analysis.SetLayout(value, layout);
        }
    }

    /// <summary>Says that nothing can go in an output.</summary>
    public void OutputFixed(int index = 0)
    {
        if (Node.Output(index) is { } value && analysis.DimsOf(value) is { } dims)
        {
            analysis.SetLayout(value, Layout.Fixed(dims));
        }
    }

    /// <summary>Says that nothing can go in any input and output, since the rule does not see through the node.</summary>
    public void GiveUp(string reason)
    {
        for (var index = 0; index < Node.Inputs.Count; index++)
        {
            // Constants get slots now, so that other nodes that take them know that they stay.
            if (Node.Input(index) is { } input && (Layers.ConstantOf(input) is not null ? analysis.LayoutOf(input) : analysis.KnownLayout(input)) is { } layout)
            {
                Coupling.FreezeAll(layout, $"{Where} {reason}");
            }
        }

        for (var index = 0; index < Node.Outputs.Count; index++)
        {
            OutputFixed(index);
        }
    }

    /// <summary>Whether an input is a constant, or one that is only moved and converted on its way.</summary>
    public bool IsWeight(int input) => WeightChain.Trace(Node.Input(input)) is not null;

    /// <summary>Couples an axis with another one.</summary>
    public void Couple(Factor[] first, Factor[] second) => Coupling.Couple([first], [second], Where);

    /// <summary>Notes what slots are to a layer or normalisation.</summary>
    public void Mark(Factor[] axis, SlotRole role) => analysis.Mark(axis, role, Node);
}

/// <summary>What an axis of a constant is to the node that takes it.</summary>
internal enum SlotRole
{
    /// <summary>Nothing in particular.</summary>
    None,

    /// <summary>Output channels of a convolution or matrix product.</summary>
    Output,

    /// <summary>Input channels of a convolution or matrix product.</summary>
    Input,

    /// <summary>Scale or shift of a normalisation.</summary>
    Normalization,
}
