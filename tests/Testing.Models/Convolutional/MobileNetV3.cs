using CompressTool.Onnx;

namespace CompressTool.Testing.Models;

/// <summary>
/// MobileNetV3 (Howard et al. 2019), as in torchvision: inverted residuals with depthwise convolutions, squeeze and excitation, and
/// HardSwish.
/// </summary>
public static class MobileNetV3
{
    private static readonly (long Kernel, long Expanded, long Channels, bool Squeezes, bool IsHardSwish, long Stride)[] s_blocks =
    [
        (3, 8, 8, true, false, 2),
        (3, 32, 12, false, false, 1),
        (3, 36, 12, false, false, 1),
        (5, 48, 16, true, true, 2),
        (5, 64, 16, true, true, 1),
    ];

    /// <summary>Builds it for images [batch, 3, 32, 32].</summary>
    /// <param name="foldBatchNorm">Whether batch normalisation is folded into the convolutions.</param>
    /// <param name="isDynamic">Whether the batch is open.</param>
    public static Model Build(bool foldBatchNorm = true, bool isDynamic = false)
    {
        var graph = new ExporterGraph(isDynamic);
        var m = graph.Root;
        var x = graph.Input("input", DataType.Float, graph.Batch, 3, 32, 32);
        x = ConvNorm(m["features"][0], x, 8, 3, 2);
        x = m["features"][0][2].HardSwish(x);
        foreach (var (index, block) in s_blocks.Index())
        {
            var place = m["features"][index + 1];
            var h = InvertedResidual(place["block"], x, block.Kernel, block.Expanded, block.Channels, block.Squeezes, block.IsHardSwish, block.Stride);
            x = block.Stride == 1 && x.Shape![1] == block.Channels ? place.Add(h, x) : h;
        }

        x = ConvNorm(m["features"][s_blocks.Length + 1], x, 64, 1, 1);
        x = m["features"][s_blocks.Length + 1][2].HardSwish(x);
        x = m.Flatten(m["avgpool"].GlobalAveragePool(x));
        x = m["classifier"][1].HardSwish(m["classifier"][0].Linear(x, 48));
        return graph.Finish(foldBatchNorm, ("output", m["classifier"][3].Linear(x, 10)));
    }

    private static Value InvertedResidual(Module m, Value x, long kernel, long expanded, long channels, bool squeezes, bool isHardSwish, long stride)
    {
        var next = 0;
        if (expanded != x.Shape![1].Value)
        {
            x = Activate(m[next], ConvNorm(m[next], x, expanded, 1, 1));
            next++;
        }

        x = Activate(m[next], ConvNorm(m[next], x, expanded, kernel, stride, expanded));
        next++;
        if (squeezes)
        {
            x = SqueezeExcitation(m[next++], x, expanded / 4);
        }

        return ConvNorm(m[next], x, channels, 1, 1);

        Value Activate(Module place, Value value) => isHardSwish ? place[2].HardSwish(value) : place[2].Relu(value);
    }

    private static Value SqueezeExcitation(Module m, Value x, long squeezed)
    {
        var scale = m["avgpool"].GlobalAveragePool(x);
        scale = m["activation"].Relu(m["fc1"].Conv2d(scale, squeezed, 1));
        scale = m["scale_activation"].HardSigmoid(m["fc2"].Conv2d(scale, x.Shape![1].Value!.Value, 1));
        return m.Mul(scale, x);
    }

    private static Value ConvNorm(Module m, Value x, long channels, long kernel, long stride, long groups = 1) =>
        m[1].BatchNorm2d(m[0].Conv2d(x, channels, kernel, stride, (kernel - 1) / 2, groups, bias: false), 1);
}
