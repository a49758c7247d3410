using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Passes;

/// <summary>
/// Makes a model use a newer set of standard operators, for a pass that needs one of them. Nodes whose operator has changed its
/// attributes or inputs since are rewritten, so that the model computes what it did.
/// </summary>
public static class OpsetRaising
{
    /// <summary>The first version in which DequantizeLinear has blocks, and the newest that this knows.</summary>
    public const int BlockedDequantization = 21;

    /// <summary>Before, too much was different.</summary>
    private const int Oldest = 13;

    /// <summary>The first version of the format that may use the newest operators, and that knows 4-bit integers.</summary>
    private const int IrVersion = 10;

    /// <summary>Operators whose axes became an input in version 18.</summary>
    private static readonly HashSet<string> s_reductions =
        ["ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare"];

    /// <summary>Raises the version of the standard operators, unless it is that or newer already.</summary>
    /// <param name="model">The model.</param>
    /// <param name="opset">The version, at most <see cref="BlockedDequantization"/>.</param>
    /// <exception cref="CompressToolException">The model is older than version 13, has functions of its own, or an operator that cannot be
    /// rewritten (CMP2007).</exception>
    public static void Run(Model model, int opset)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(opset, BlockedDequantization);
        if (model.Opset >= opset)
        {
            return;
        }

        if (model.Opset < Oldest)
        {
            throw Unsupported($"the model uses opset {model.Opset}, which cannot be raised to {opset}; export it with opset {Oldest} or newer");
        }

        if (model.Functions.Count > 0)
        {
            throw Unsupported($"the model has functions of its own, whose opset cannot be raised to {opset}; export it without functions, or with opset {opset}");
        }

        Node[] nodes = [.. model.Graph.AllNodes().Where(node => node.Domain.Length == 0)];
        if (Array.Find(nodes, node => IsOther(node, (int)model.Opset, opset)) is { } other)
        {
            throw Unsupported($"the node {other} has another meaning in opset {opset} than in {model.Opset}; export the model with opset {opset}");
        }

        foreach (var node in nodes)
        {
            Convert(node, (int)model.Opset, opset);
        }

        model.OpsetImports[""] = opset;
        model.IrVersion = Math.Max(model.IrVersion, IrVersion);
    }

    /// <summary>Whether a node means something else afterwards and cannot be rewritten.</summary>
    private static bool IsOther(Node node, int from, int to) =>
        node.OpType switch
        {
            "BatchNormalization" => node.Outputs.Skip(1).Any(output => output is not null) ? 14 : 0, // In training, that is.
            "DFT" => 20,
            "GroupNormalization" => 21,
            _ => 0,
        } is var version && from < version && version <= to;

    private static void Convert(Node node, int from, int to)
    {
        switch (node.OpType)
        {
            case var type when s_reductions.Contains(type) && Passes(18):
                if (node.GetInts("axes") is { } axes)
                {
                    node.RemoveAttribute("axes");
                    node.SetInput(1, node.Graph!.AddInitializer(node.DisplayName + "_axes", Tensor.Int64s([.. axes])));
                }

                break;
            case "Split" when Passes(18):
                if (node.Input(1) is null)
                {
                    node.SetAttribute(Attribute.Int("num_outputs", node.Outputs.Count));
                }

                break;
            case "RoiAlign" when Passes(16):
                node.SetAttribute(Attribute.String("coordinate_transformation_mode", "output_half_pixel"));
                break;
            case "GridSample" when Passes(20):
                if (node.GetString("mode", null) is { } mode)
                {
                    node.SetAttribute(Attribute.String("mode", mode == "bilinear" ? "linear" : mode == "bicubic" ? "cubic" : mode));
                }

                break;
        }

        bool Passes(int version) => from < version && version <= to;
    }

    private static CompressToolException Unsupported(string message) => new(OnnxErrors.Unsupported, message);
}
