using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Where the windows of a convolution or pooling lie: kernel, strides, dilations and explicit pads by spatial axis.</summary>
internal sealed record Windows(long[] Kernel, long[] Strides, long[] Dilations, long[] Before, long[] After)
{
    public int SpatialRank => Kernel.Length;

    /// <summary>The windows of a Conv or pooling node over an input of these spatial dimensions.</summary>
    public static Windows Of(GradientContext n, long[] kernel, long[] input)
    {
        var rank = kernel.Length;
        var strides = n.Ints("strides") ?? Ones(rank);
        var dilations = n.Ints("dilations") ?? Ones(rank);
        var (before, after) = (new long[rank], new long[rank]);
        switch (n.Text("auto_pad", "NOTSET"))
        {
            case "NOTSET":
                var pads = n.Ints("pads") ?? new long[2 * rank];
                (before, after) = (pads[..rank], pads[rank..]);
                break;
            case var same when same.StartsWith("SAME", StringComparison.Ordinal):
                for (var axis = 0; axis < rank; axis++)
                {
                    var output = (input[axis] + strides[axis] - 1) / strides[axis];
                    var total = Math.Max(0, ((output - 1) * strides[axis]) + (dilations[axis] * (kernel[axis] - 1)) + 1 - input[axis]);
                    before[axis] = same == "SAME_UPPER" ? total / 2 : total - (total / 2);
                    after[axis] = total - before[axis];
                }

                break;
        }

        return new Windows(kernel, strides, dilations, before, after);
    }

    /// <summary>As attributes of a Conv or ConvTranspose.</summary>
    public IEnumerable<Attribute> ToAttributes() =>
    [
        Attribute.Ints("kernel_shape", Kernel), Attribute.Ints("strides", Strides), Attribute.Ints("dilations", Dilations), Attribute.Ints("pads", [.. Before, .. After]),
    ];

    /// <summary>How far the windows over an input reach, before the pads: the size that a transposed convolution of the outputs has.</summary>
    public long Reach(int axis, long outputs) => ((outputs - 1) * Strides[axis]) + (Dilations[axis] * (Kernel[axis] - 1)) + 1;

    /// <summary>The places inside a window, each as an index by axis.</summary>
    public IEnumerable<long[]> Places()
    {
        var place = new long[SpatialRank];
        while (true)
        {
            yield return [.. place];
            var axis = SpatialRank - 1;
            while (axis >= 0 && ++place[axis] == Kernel[axis])
            {
                place[axis--] = 0;
            }

            if (axis < 0)
            {
                yield break;
            }
        }
    }

    private static long[] Ones(int count) => [.. Enumerable.Repeat(1L, count)];
}
