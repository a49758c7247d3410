using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Pad: a border of constants drops out of the gradient, one of copies adds to what was copied.</summary>
internal static class Padding
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        ["Pad"] = Pad,
        ["CenterCropPad"] = n => [CenterCropPad(n)],
    };

    private static IEnumerable<Expr?> Pad(GradientContext n)
    {
        var dims = n[0].Dims;
        var (before, after) = Pads(n, dims.Length);
        if (n.Text("mode", "constant") == "constant")
        {
            yield return n.Gradient.Pad([.. before.Select(pad => -pad)], [.. after.Select(pad => -pad)]);
            yield return null;
            // The constant gets what falls on the border: everything but the part inside.
            yield return n.Wants(2) ? n.Gradient.Sum() - n.Gradient.Pad([.. before.Select(pad => -Math.Max(pad, 0))], [.. after.Select(pad => -Math.Max(pad, 0))]).Sum() : null;
            yield break;
        }

        var gradient = n.Gradient;
        for (var axis = 0; axis < dims.Length; axis++)
        {
            if (before[axis] != 0 || after[axis] != 0)
            {
                gradient = Resizing.Along(gradient, axis, Copies(n.Text("mode", "constant"), dims[axis], before[axis], after[axis]));
            }
        }

        yield return gradient;
    }

    /// <summary>Each axis is cut or padded on both sides alike, with the odd element behind.</summary>
    private static Expr CenterCropPad(GradientContext n)
    {
        var (input, output) = (n[0].Dims, n.Output.Dims);
        var before = input.Zip(output, (size, wanted) => size > wanted ? (size - wanted) / 2 : -((wanted - size) / 2)).ToArray();
        return n.Gradient.Pad(before, [.. input.Select((size, axis) => size - output[axis] - before[axis])]);
    }

    private static (long[] Before, long[] After) Pads(GradientContext n, int rank)
    {
        var pads = n.ConstantInts(1) ?? throw n.Unsupported("its pads are left out");
        var axes = n.ConstantInts(3) ?? [.. Enumerable.Range(0, rank).Select(axis => (long)axis)];
        var (before, after) = (new long[rank], new long[rank]);
        foreach (var (index, axis) in axes.Index())
        {
            before[OperatorContext.Axis(axis, rank)] = pads[index];
            after[OperatorContext.Axis(axis, rank)] = pads[index + axes.Length];
        }

        return (before, after);
    }

    /// <summary>Which input element each output element is, as a matrix [output, input] of zeros and ones.</summary>
    private static double[,] Copies(string mode, long size, long before, long after)
    {
        var matrix = new double[before + size + after, size];
        for (var row = 0; row < matrix.GetLength(0); row++)
        {
            var index = row - before;
            matrix[row, mode switch
            {
                "reflect" => Reflect(index, size),
                "wrap" => ((index % size) + size) % size,
                _ => Math.Clamp(index, 0, size - 1),
            }] = 1;
        }

        return matrix;
    }

    private static long Reflect(long index, long size)
    {
        var period = Math.Max(1, 2 * (size - 1));
        index = ((index % period) + period) % period;
        return index < size ? index : period - index;
    }
}
