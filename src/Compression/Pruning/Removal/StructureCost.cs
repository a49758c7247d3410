using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Removal;

/// <summary>
/// Parameters and MACs that a model would have without some channels, without cutting it: targets are searched with it. MACs are those
/// of products with constants, for one pass at the analysis' sizes; only their share of the whole model means something.
/// </summary>
internal sealed class StructureCost
{
    private readonly DependencyWalk _walk;
    private readonly List<(Factor[][] Output, Func<KeptLengths, double> Terms)> _products = [];

    public StructureCost(DependencyGraph dependencies)
    {
        _walk = dependencies.Walk;
        foreach (var node in _walk.Model.Graph.Nodes)
        {
            if (TermsOf(node) is { } terms && node.Output(0) is { } output && _walk.KnownLayout(output) is { } layout)
            {
                // Attention that projects makes queries, keys and values of its input.
                _products.Add((node is { OpType: "Attention", Domain: "com.microsoft" } ? [.. _walk.KnownLayout(node.Input(0)!)!.Axes[..2], _walk.KnownLayout(node.Input(1)!)!.Axes[1]] : layout.Axes, terms));
            }
        }

        Whole = Of([]);
    }

    /// <summary>The whole model.</summary>
    public (long Parameters, double Macs) Whole { get; }

    /// <summary>The model without some channels.</summary>
    public (long Parameters, double Macs) Of(IEnumerable<(PrunableGroup Group, IReadOnlyList<int> Channels)> choice)
    {
        var slots = _walk.Coupling.Slots;
        var removed = new bool[slots.Count];
        foreach (var (group, channels) in choice)
        {
            foreach (var channel in channels)
            {
                foreach (var slot in group.Slots[channel])
                {
                    removed[slots.Find(slot)] = true;
                }
            }
        }

        var lengths = new KeptLengths(slot => removed[slots.Find(slot)]);
        var macs = _products.Sum(product => product.Output.Aggregate(product.Terms(lengths), (count, axis) => count * lengths.Of(axis)));
        return (_walk.Constants.Where(constant => constant.Initializer is { Dims.Count: > 0 } tensor && tensor.Type.IsFloat()).Sum(constant => Count(constant, lengths)), macs);
    }

    private long Count(Value constant, KeptLengths lengths)
    {
        var axes = _walk.LayoutOf(constant).Axes;
        if (_walk.Coupling.GroupedUserOf(constant) is { } grouped)
        {
            return axes[2..].Aggregate(lengths.Of(axes[0]) * (long)GroupInputs(grouped, lengths), (count, axis) => count * lengths.Of(axis));
        }

        return axes.Aggregate(1L, (count, axis) => count * lengths.Of(axis));
    }

    private int GroupInputs(Node node, KeptLengths lengths) =>
        lengths.Of(_walk.KnownLayout(node.Input(0)!)!.Axes[1]) / (int)node.GetInt("group", 1);

    /// <summary>How many products each element of the output is the sum of; null for other operators.</summary>
    private Func<KeptLengths, double>? TermsOf(Node node)
    {
        var weight = node.Input(1) is { } value ? _walk.KnownLayout(value) : null;
        switch (node)
        {
            case { OpType: "Conv" or "FusedConv" } when weight is not null:
                var window = weight.Axes[2..].Aggregate(1.0, (product, axis) => product * Layout.LengthOf(axis));
                return _walk.Coupling.GroupedInputs.ContainsKey(node)
                    ? lengths => window * GroupInputs(node, lengths)
                    : lengths => window * lengths.Of(weight.Axes[1]);
            case { Domain: "", OpType: "ConvTranspose" } when weight is not null && _walk.KnownLayout(node.Input(0)!) is { } data:
                // Each input element meets the whole window, whatever the output's size.
                var (outputs, inputs) = (_walk.DimsOf(node.Output(0)!)!, _walk.DimsOf(node.Input(0)!)!);
                var share = inputs.Skip(2).Aggregate(1.0, (product, dim) => product * dim) / outputs.Skip(2).Aggregate(1.0, (product, dim) => product * dim)
                    * weight.Axes[2..].Aggregate(1.0, (product, axis) => product * Layout.LengthOf(axis));
                return lengths => share * lengths.Of(data.Axes[1]);
            case { Domain: "com.microsoft", OpType: "Attention" } when _walk.KnownLayout(node.Input(0)!) is { } input:
                return lengths => lengths.Of(input.Axes[2]);
            case { OpType: "MatMul" or "Gemm" or "FusedMatMul" or "FusedGemm" } when node.Inputs.Any(input => WeightChain.Trace(input) is not null) && _walk.KnownLayout(node.Input(0)!) is { } left:
                var inner = left.Axes[left.Rank > 1 && node.GetInt("transA", 0) != 0 ? left.Rank - 2 : left.Rank - 1];
                return lengths => lengths.Of(inner);
            default:
                return null;
        }
    }
}
