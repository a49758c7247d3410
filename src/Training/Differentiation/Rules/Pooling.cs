using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Pooling over windows, and over all of each channel.</summary>
internal static class Pooling
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        ["MaxPool"] = n => [Max(n)],
        ["AveragePool"] = n => [Average(n)],
        ["LpPool"] = n => [Lp(n)],
        ["GlobalMaxPool"] = n => [GlobalMax(n)],
        ["GlobalAveragePool"] = n => [(n.Gradient * ((double)n.Output.Count / n[0].Count)).Expand(n[0].Dims)],
        ["GlobalLpPool"] = n => [n.Gradient * PowerSlope(n[0], n.Output, n.Int("p", 2))],
    };

    /// <summary>The second output says where each maximum lies in the whole input.</summary>
    private static Expr Max(GradientContext n)
    {
        const string order = "storage_order";
        var places = n.Int(order, 0) == 0 ? n.OutputAt(1)
            : n.Builder.Nodes("MaxPool", "", 2, [n[0]], n.Node.Attributes.Where(attribute => attribute.Name != order))[1];
        return n.Builder.Node("ScatterElements", [n.Builder.Full(0, n[0].Type, n[0].Count), places.Reshape(-1), n.Gradient.Reshape(-1)], Attribute.String("reduction", "add"))
            .Reshape(n[0].Dims);
    }

    private static Expr Average(GradientContext n)
    {
        var (windows, outputs) = (WindowsOf(n), n.Output.Dims[2..]);
        var isPaddingCounted = n.Int("count_include_pad", 0) != 0;
        // How many elements the windows at each place of an axis have; the last ones may reach beyond the padding, where nothing counts.
        var counts = outputs.Select((size, axis) => Enumerable.Range(0, (int)size).Select(output =>
        {
            var (low, high) = isPaddingCounted ? (-windows.Before[axis], n[0].Dims[axis + 2] + PaddingAfter(n, windows, axis)) : (0, n[0].Dims[axis + 2]);
            return (double)Enumerable.Range(0, (int)windows.Kernel[axis]).Count(place =>
                (output * windows.Strides[axis]) - windows.Before[axis] + (place * windows.Dilations[axis]) is var index && index >= low && index < high);
        }).ToArray()).ToArray();
        var gradient = n.Gradient;
        foreach (var (axis, count) in counts.Index())
        {
            long[] dims = [.. Enumerable.Range(0, counts.Length).Select(other => other == axis ? outputs[axis] : 1)];
            gradient = count.Distinct().Count() == 1
                ? gradient * (1 / count[0])
                : gradient * n.Builder.Constant(Numbers.Create(gradient.Type, dims, Array.ConvertAll(count, number => 1 / number)));
        }

        return Spread(gradient, n[0], windows);
    }

    /// <summary>(sum |x|^p)^(1/p) of each window.</summary>
    private static Expr Lp(GradientContext n)
    {
        var p = n.Int("p", 2);
        return Spread(n.Gradient * NormSlope(n.Output, p), n[0], WindowsOf(n)) * ElementSlope(n[0], p);
    }

    private static Expr GlobalMax(GradientContext n)
    {
        var chosen = Elementwise.Step(n[0].IsEqualTo(n.Output), n[0]);
        return chosen * (n.Gradient / chosen.Sum([.. Enumerable.Range(2, n[0].Rank - 2)], keepDims: true));
    }

    private static Expr PowerSlope(Expr x, Expr norm, long p) => NormSlope(norm, p) * ElementSlope(x, p);

    /// <summary>norm^(1 - p), and 0 where the norm is: there is no gradient there.</summary>
    private static Expr NormSlope(Expr norm, long p) =>
        p == 1 ? norm.Sign() : (norm > 0).Where((norm > 0).Where(norm, norm.Number(1)).Pow(1 - p), norm.Number(0));

    /// <summary>|x|^(p - 1) with the sign of x.</summary>
    private static Expr ElementSlope(Expr x, long p) => p switch
    {
        1 => x.Sign(),
        2 => x,
        _ => x.Sign() * x.Abs().Pow(p - 1),
    };

    /// <summary>Each number of an output added to all places of its window: a transposed convolution with ones, channel by channel.</summary>
    private static Expr Spread(Expr gradient, Expr x, Windows windows)
    {
        var (outputs, spatial) = (gradient.Dims, x.Dims[2..]);
        var ones = x.Builder.Full(1, x.Type, [1, 1, .. windows.Kernel]);
        return Convolution.Transposed(gradient.Reshape([outputs[0] * outputs[1], 1, .. outputs[2..]]), ones, windows, 1, spatial).Reshape(x.Dims);
    }

    /// <summary>The windows; with <c>ceil_mode</c> the padding behind is as wide as the last window needs.</summary>
    private static Windows WindowsOf(GradientContext n)
    {
        var spatial = n[0].Dims[2..];
        var windows = Windows.Of(n, n.Ints("kernel_shape") ?? throw n.Unsupported("it has no kernel_shape"), spatial);
        var outputs = n.Output.Dims[2..];
        return windows with { After = [.. windows.After.Select((pad, axis) => Math.Max(pad, windows.Reach(axis, outputs[axis]) - windows.Before[axis] - spatial[axis]))] };
    }

    private static long PaddingAfter(GradientContext n, Windows windows, int axis) =>
        n.Text("auto_pad", "NOTSET") == "NOTSET" ? (n.Ints("pads") ?? new long[2 * windows.SpatialRank])[axis + windows.SpatialRank] : windows.After[axis];
}
