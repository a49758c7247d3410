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
        var scales = Scales(n, input, output);
        var gradient = n.Gradient;
        if (IsRepetition(n, input, output, scales))
        {
            // Nearest neighbours at a whole factor: each input element is repeated.
            var split = input.Zip(output, (size, resized) => (long[])[size, resized / size]).SelectMany(pair => pair).ToArray();
            return gradient.Reshape(split).Sum([.. Enumerable.Range(0, input.Length).Where(axis => input[axis] != output[axis]).Select(axis => (2 * axis) + 1)]).Reshape(input);
        }

        for (var axis = 0; axis < input.Length; axis++)
        {
            if (scales[axis] != 1 || input[axis] != output[axis])
            {
                gradient = Along(gradient, axis, Interpolation.Of(n, scales[axis], input[axis], output[axis]));
            }
        }

        return gradient;
    }

    private static bool IsRepetition(GradientContext n, long[] input, long[] output, double[] scales) =>
        n.Text("mode", "nearest") == "nearest" && input.Zip(output).All(pair => pair.Second % pair.First == 0)
        && Enumerable.Range(0, input.Length).All(axis => input[axis] == output[axis] || IsRepetition(Interpolation.Of(n, scales[axis], input[axis], output[axis])));

    private static bool IsRepetition(double[,] matrix)
    {
        var factor = matrix.GetLength(0) / matrix.GetLength(1);
        return Enumerable.Range(0, matrix.GetLength(0)).All(row => matrix[row, row / factor] == 1);
    }

    private static double[] Scales(GradientContext n, long[] input, long[] output)
    {
        var axes = (n.Ints("axes") ?? [.. Enumerable.Range(0, input.Length).Select(axis => (long)axis)]).Select(axis => GradientContext.Axis(axis, input.Length)).ToArray();
        var result = input.Zip(output, (size, resized) => (double)resized / size).ToArray();
        if (n.Optional(2) is { Count: > 0 } scales)
        {
            var numbers = n.Builder.ConstantOf(scales.Value)?.ToArray<float>() ?? throw n.Unsupported($"its scales '{scales.Value.Name}' are not constant");
            foreach (var (index, axis) in axes.Index())
            {
                result[axis] = numbers[index];
            }
        }

        return result;
    }
}
