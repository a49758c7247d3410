using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Resize: linear along each axis, so its gradient applies the transposed interpolation matrix of each axis.</summary>
internal static class Resizing
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        ["Resize"] = n => [Resize(n)],
    };

    /// <summary>The product of an axis with a matrix: <c>y[.., j, ..] = sum_i x[.., i, ..] matrix[i, j]</c>.</summary>
    public static Expr Along(Expr x, int axis, double[,] matrix)
    {
        var (rows, columns) = (matrix.GetLength(0), matrix.GetLength(1));
        var factor = x.Builder.Constant(Numbers.Create(x.Type, [rows, columns], [.. matrix.Cast<double>()]));
        int[] last = [.. Enumerable.Range(0, x.Rank).Where(other => other != axis), axis];
        var inverse = new int[last.Length];
        for (var index = 0; index < last.Length; index++)
        {
            inverse[last[index]] = index;
        }

        return x.Transpose(last).MatMul(factor).Transpose(inverse);
    }

    private static Expr Resize(GradientContext n)
    {
        var (input, output) = (n[0].Dims, n.Output.Dims);
        var matrices = Matrices(n, input, output);
        var gradient = n.Gradient;
        if (matrices.All(matrix => matrix is null || IsRepetition(matrix)))
        {
            // Each input element is repeated: nearest neighbours at a whole factor.
            var split = input.Zip(output, (size, resized) => (long[])[size, resized / size]).SelectMany(pair => pair).ToArray();
            return gradient.Reshape(split).Sum([.. Enumerable.Range(0, input.Length).Where(axis => input[axis] != output[axis]).Select(axis => (2 * axis) + 1)]).Reshape(input);
        }

        foreach (var (axis, matrix) in matrices.Index())
        {
            gradient = matrix is null ? gradient : Along(gradient, axis, matrix);
        }

        return gradient;
    }

    /// <summary>The interpolation along each axis; null for one that stays as it is.</summary>
    private static double[,]?[] Matrices(GradientContext n, long[] input, long[] output)
    {
        int[] axes = [.. (n.Ints("axes") ?? [.. Enumerable.Range(0, input.Length).Select(axis => (long)axis)]).Select(axis => OperatorContext.Axis(axis, input.Length))];
        var isCrop = n.Text("coordinate_transformation_mode", "half_pixel") == Interpolation.Crop;
        var regions = isCrop ? Floats(n, 1) : [];
        var scales = Scales(n, input, output, axes);
        var result = new double[,]?[input.Length];
        foreach (var (index, axis) in axes.Index())
        {
            if (isCrop || scales[index] != 1 || input[axis] != output[axis])
            {
                result[axis] = Interpolation.Of(n, scales[index], input[axis], output[axis], isCrop ? (regions[index], regions[index + axes.Length]) : (0, 1));
            }
        }

        return result;
    }

    private static bool IsRepetition(double[,] matrix)
    {
        var (rows, columns) = (matrix.GetLength(0), matrix.GetLength(1));
        return rows % columns == 0 && Enumerable.Range(0, rows).All(row => matrix[row, row / (rows / columns)] == 1);
    }

    /// <summary>Scales are given, or follow from the sizes wanted: one for all axes where the aspect ratio is kept.</summary>
    private static double[] Scales(GradientContext n, long[] input, long[] output, int[] axes)
    {
        if (n.Optional(2) is { Count: > 0 })
        {
            return [.. Floats(n, 2).Select(scale => (double)scale)];
        }

        var policy = n.Text("keep_aspect_ratio_policy", "stretch");
        if (policy == "stretch")
        {
            return [.. axes.Select(axis => (double)output[axis] / input[axis])];
        }

        var ratios = axes.Zip(n.ConstantInts(3)!, (axis, size) => (double)size / input[axis]).ToArray();
        return [.. ratios.Select(_ => policy == "not_larger" ? ratios.Min() : ratios.Max())];
    }

    private static float[] Floats(GradientContext n, int input) =>
        n.Builder.ConstantOf(n[input].Value)?.ToFloats() ?? throw n.Unsupported($"its input '{n[input].Value.Name}' is not constant");
}
