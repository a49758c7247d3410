using CompressTool.Onnx;

namespace CompressTool.Compression;

/// <summary>A node's use of a weight, with its axes in the weight as stored.</summary>
internal sealed record WeightUse(Use Use, LayerKind Kind, Value Weight, int? OutputAxis, int? InputAxis, int Groups);

/// <summary>
/// A floating-point constant and the nodes between it and a layer that only move or convert its elements. Axes of what
/// the layer sees are followed back to axes of what is stored.
/// </summary>
internal sealed class WeightChain
{
    private readonly Value _weight;

    /// <summary>From the constant to the layer: per step the dimensions before and after, and the permutation of a Transpose.</summary>
    private readonly List<(long[] From, long[] To, int[]? Permutation)> _steps = [];

    private WeightChain(Value weight, long[] dims)
    {
        _weight = weight;
        Dims = dims;
    }

    /// <summary>Dimensions of the constant as the layer sees it.</summary>
    public long[] Dims { get; private set; }

    /// <summary>Follows a value back to its constant; null when it is computed from anything else.</summary>
    public static WeightChain? Trace(Value? value)
    {
        var nodes = new Stack<Node>();
        while (value is not null && Layers.ConstantOf(value) is null)
        {
            if (value.Producer is not { Domain: "", OpType: "Transpose" or "Reshape" or "Squeeze" or "Unsqueeze" or "Identity" or "Cast" } node)
            {
                return null;
            }

            nodes.Push(node);
            value = node.Input(0);
        }

        if (value is null || Layers.ConstantOf(value) is not { } tensor || !tensor.Type.IsFloat())
        {
            return null;
        }

        var chain = new WeightChain(value, [.. tensor.Dims]);
        return nodes.All(chain.Append) ? chain : null;
    }

    /// <summary>The use of the weight by a layer that sees these axes.</summary>
    public WeightUse At(Use use, LayerKind kind, int outputAxis, int inputAxis, int groups) =>
        new(use, kind, _weight, StoredAxis(outputAxis), StoredAxis(inputAxis), groups);

    private bool Append(Node node)
    {
        int[]? permutation = null;
        long[]? to;
        switch (node.OpType)
        {
            case "Identity" or "Cast":
                return true;
            case "Transpose":
                permutation = node.GetInts("perm") is { } perm ? [.. perm.Select(axis => (int)axis)] : [.. Enumerable.Range(0, Dims.Length).Reverse()];
                to = permutation.Length == Dims.Length && permutation.Order().SequenceEqual(Enumerable.Range(0, Dims.Length))
                    ? [.. permutation.Select(axis => Dims[axis])] : null;
                break;
            default:
                to = Reshaped(node);
                break;
        }

        if (to is null)
        {
            return false;
        }

        _steps.Add((Dims, to, permutation));
        Dims = to;
        return true;
    }

    private long[]? Reshaped(Node node)
    {
        var argument = node.Input(1) is { } input ? input.ConstantTensor?.ToInt64s() : node.GetInts("axes")?.ToArray();
        long[]? to = node.OpType switch
        {
            "Reshape" => argument?.Select((dim, index) => dim == 0 && node.GetInt("allowzero", 0) == 0 && index < Dims.Length ? Dims[index] : dim).ToArray(),
            "Squeeze" => Squeezed(argument),
            _ => Unsqueezed(argument),
        };

        var count = Dims.Aggregate(1L, (product, dim) => product * dim);
        if (to is not null && Array.IndexOf(to, -1) is var open and >= 0)
        {
            var known = to.Where(dim => dim != -1).Aggregate(1L, (product, dim) => product * dim);
            to[open] = known > 0 ? count / known : 0;
        }

        return to is not null && to.All(dim => dim >= 0) && to.Aggregate(1L, (product, dim) => product * dim) == count ? to : null;
    }

    private long[] Squeezed(long[]? axes) =>
        [.. Dims.Where((dim, index) => axes is null ? dim != 1 : !axes.Contains(index) && !axes.Contains(index - Dims.Length))];

    private long[]? Unsqueezed(long[]? axes)
    {
        if (axes is null)
        {
            return null;
        }

        var rank = Dims.Length + axes.Length;
        var rest = new Queue<long>(Dims);
        return [.. Enumerable.Range(0, rank).Select(index => axes.Contains(index) || axes.Contains(index - rank) ? 1 : rest.TryDequeue(out var dim) ? dim : -2)];
    }

    private int? StoredAxis(int axis)
    {
        int? stored = axis;
        for (var index = _steps.Count - 1; index >= 0 && stored is { } seen; index--)
        {
            var (from, to, permutation) = _steps[index];
            stored = permutation is not null ? permutation[seen] : SameAxis(from, to, seen);
        }

        return stored;
    }

    /// <summary>The axis before a reshape that runs over the same elements as one after it: same length, same product of what is before it.</summary>
    private static int? SameAxis(long[] from, long[] to, int axis)
    {
        var before = to.Take(axis).Aggregate(1L, (product, dim) => product * dim);
        long product = 1;
        for (var candidate = 0; candidate < from.Length; candidate++)
        {
            if (product == before && from[candidate] == to[axis])
            {
                return candidate;
            }

            product *= from[candidate];
        }

        return null;
    }
}
