using CompressTool.Onnx;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Convolutions of any spatial rank, grouped, strided and dilated.</summary>
internal static class Convolution
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        ["Conv"] = Conv,
        ["ConvTranspose"] = ConvTranspose,
    };

    /// <summary>A transposed convolution whose result has given spatial dimensions: the gradient of a convolution by its input.</summary>
    public static Expr Transposed(Expr x, Expr weight, Windows windows, long groups, long[] spatial)
    {
        // Inputs that no window reached lie beyond the result; ones that fell out of the last window are padding after it.
        var outputs = x.Dims[2..];
        var padding = spatial.Select((size, axis) => size - (windows.Reach(axis, outputs[axis]) - windows.Before[axis] - windows.After[axis])).ToArray();
        if (padding.All(count => count == 0) && groups == 1 && windows.Strides.All(stride => stride == 1))
        {
            return Rotated(x, weight, windows);
        }

        return x.Builder.Node("ConvTranspose", [x, weight], [.. windows.ToAttributes(), Attribute.Int("group", groups), Attribute.Ints("output_padding", padding)]);
    }

    /// <summary>The gradient of a convolution by its weights.</summary>
    /// <param name="x">The convolution's input [N, C, ...].</param>
    /// <param name="gradient">Gradient of its output [N, O, ...].</param>
    /// <param name="windows">Its windows.</param>
    /// <param name="groups">Its groups.</param>
    /// <returns>[O, C / groups, kernel...].</returns>
    public static Expr ByWeight(Expr x, Expr gradient, Windows windows, long groups)
    {
        var (n, c, o) = (x.Dims[0], x.Dims[1], gradient.Dims[1]);
        if (x.Builder.UseKernels && x.Type == DataType.Float && windows.SpatialRank is (1 or 2) && windows.Before.Concat(windows.After).All(pad => pad >= 0))
        {
            return x.Builder.Kernel("ConvGradWeight", [new TensorType(DataType.Float, Shape.Of([o, c / groups, .. windows.Kernel]))], [x, gradient], [.. windows.ToAttributes(), Attribute.Int("group", groups)])[0];
        }

        var outputs = gradient.Dims[2..];
        var elements = n * outputs.Aggregate(1L, (count, size) => count * size);
        int[] channelsFirst = [1, 0, .. Enumerable.Range(2, windows.SpatialRank)];

        // Channels first, so that each place of the window is one matrix product over batch and positions.
        var padded = x.Transpose(channelsFirst).Pad([0, 0, .. windows.Before], [0, 0, .. windows.After]);
        var rows = gradient.Transpose(channelsFirst).Reshape(groups, o / groups, elements);
        var axes = Enumerable.Range(2, windows.SpatialRank).ToArray();
        var products = windows.Places().Select(place =>
        {
            var starts = place.Select((index, axis) => index * windows.Dilations[axis]).ToArray();
            var ends = starts.Select((start, axis) => start + ((outputs[axis] - 1) * windows.Strides[axis]) + 1).ToArray();
            var columns = padded.Slice(axes, starts, ends, windows.Strides).Reshape(groups, c / groups, elements);
            return groups == 1
                ? rows.Reshape(o, elements).MatMul(columns.Reshape(c, elements), transposeOther: true).Reshape(o, c, 1)
                : rows.MatMul(columns, transposeOther: true).Reshape(o, c / groups, 1);
        }).ToArray();
        return x.Builder.Concat(2, products).Reshape([o, c / groups, .. windows.Kernel]);
    }

    private static IEnumerable<Expr?> Conv(GradientContext n)
    {
        var (x, weight) = (n[0], n[1]);
        var groups = n.Int("group", 1);
        var windows = Windows.Of(n, weight.Dims[2..], x.Dims[2..]);
        yield return n.Wants(0) ? Transposed(n.Gradient, weight, windows, groups, x.Dims[2..]) : null;
        yield return n.Wants(1) ? ByWeight(x, n.Gradient, windows, groups) : null;
        yield return n.Wants(2) ? ByBias(n) : null;
    }

    private static IEnumerable<Expr?> ConvTranspose(GradientContext n)
    {
        // The mirror image of Conv: its gradient by input is a Conv, and by weight that of this Conv.
        var (x, weight) = (n[0], n[1]);
        var groups = n.Int("group", 1);
        var windows = TransposedWindows(n, weight.Dims[2..], x.Dims[2..], n.Output.Dims[2..]);
        if (n.Wants(0))
        {
            // Output padding makes the pads after negative; without it there may be a window more, which is cut off.
            var inside = windows with { After = [.. windows.After.Select(pad => Math.Max(pad, 0))] };
            yield return Crop(n.Builder.Node("Conv", [n.Gradient, weight], [.. inside.ToAttributes(), Attribute.Int("group", groups)]), x.Dims);
        }
        else
        {
            yield return null;
        }

        yield return n.Wants(1) ? ByWeight(n.Gradient, x, windows, groups) : null;
        yield return n.Wants(2) ? ByBias(n) : null;
    }

    private static Expr ByBias(GradientContext n) => n.Gradient.Sum([0, .. Enumerable.Range(2, n.Gradient.Rank - 2)]);

    /// <summary>With stride 1 a transposed convolution is a convolution with the kernel rotated and channels exchanged, which kernels are faster at.</summary>
    private static Expr Rotated(Expr x, Expr weight, Windows windows)
    {
        int[] axes = [.. Enumerable.Range(2, windows.SpatialRank)];
        var swapped = SwapAndRotate(weight, windows, axes);
        var before = windows.Before.Select((pad, axis) => (windows.Dilations[axis] * (windows.Kernel[axis] - 1)) - pad).ToArray();
        var after = windows.After.Select((pad, axis) => (windows.Dilations[axis] * (windows.Kernel[axis] - 1)) - pad).ToArray();
        if (before.Concat(after).Any(pad => pad < 0))
        {
            // Pads wider than the window: what they add is cut off again.
            var cut = before.Select(pad => Math.Min(pad, 0)).ToArray();
            x = x.Pad([0, 0, .. cut], [0, 0, .. after.Select(pad => Math.Min(pad, 0))]);
            before = [.. before.Select(pad => Math.Max(pad, 0))];
            after = [.. after.Select(pad => Math.Max(pad, 0))];
        }

        return x.Builder.Node("Conv", [x, swapped], [.. (windows with { Before = before, After = after }).ToAttributes()]);
    }

    /// <summary>[O, C, kernel...] as [C, O, kernel...], each axis of the kernel reversed.</summary>
    private static Expr SwapAndRotate(Expr weight, Windows windows, int[] axes)
    {
        if (windows.Kernel.All(size => size == 1))
        {
            return weight.Transpose([1, 0, .. axes]);
        }

        if (weight.Builder.UseKernels && weight.Type == DataType.Float)
        {
            return weight.Builder.Kernel("ConvRotateWeight", [new TensorType(DataType.Float, Shape.Of([weight.Dims[1], weight.Dims[0], .. windows.Kernel]))], [weight])[0];
        }

        return weight.Transpose([1, 0, .. axes]).Slice(axes, [.. windows.Kernel.Select(size => size - 1)], [.. axes.Select(_ => long.MinValue)], [.. axes.Select(_ => -1L)]);
    }

    /// <summary>The pads are given, or are what makes the output as large as it is to be. What they leave behind the output counts as padding.</summary>
    private static Windows TransposedWindows(GradientContext n, long[] kernel, long[] input, long[] output)
    {
        var rank = kernel.Length;
        var (mode, extra) = (n.Text("auto_pad", "NOTSET"), n.Ints("output_padding") ?? new long[rank]);
        var isGiven = n.Ints("output_shape") is null && !mode.StartsWith("SAME", StringComparison.Ordinal);
        var windows = Windows.Of(n, kernel, input);
        var before = isGiven ? windows.Before : [.. Enumerable.Range(0, rank).Select(axis => Part(windows.Reach(axis, input[axis]) + extra[axis] - output[axis]))];
        return windows with { Before = before, After = [.. Enumerable.Range(0, rank).Select(axis => windows.Reach(axis, input[axis]) - before[axis] - output[axis])] };

        long Part(long total) => mode == "SAME_UPPER" ? total / 2 : total - (total / 2);
    }

    private static Expr Crop(Expr x, long[] dims) => x.Slice([.. Enumerable.Range(0, dims.Length)], new long[dims.Length], dims, [.. dims.Select(_ => 1L)]);
}
