using CompressTool.Onnx;

namespace CompressTool.Testing.Models;

/// <summary>MobileNetV2 (Sandler et al. 2018), as in torchvision: inverted residuals with depthwise convolutions and ReLU6.</summary>
public static class MobileNetV2
{
    private static readonly (long Expansion, long Channels, long Stride)[] s_blocks = [(1, 8, 1), (6, 12, 2), (6, 12, 1), (6, 16, 2), (6, 16, 1)];

    /// <summary>Builds it for images [batch, 3, side, side].</summary>
    /// <param name="foldBatchNorm">Whether batch normalisation is folded into the convolutions.</param>
    /// <param name="isDynamic">Whether the batch is open.</param>
    /// <param name="scale">How many times as many channels.</param>
    /// <param name="side">Height and width of the images.</param>
    public static Model Build(bool foldBatchNorm = true, bool isDynamic = false, int scale = 1, int side = 32)
    {
        var graph = new ExporterGraph(isDynamic);
        var m = graph.Root;
        var x = graph.Input("input", DataType.Float, graph.Batch, 3, side, side);
        x = ConvNormActivation(m["features"][0], x, 16 * scale, 3, 2);
        foreach (var (index, block) in s_blocks.Index())
        {
            x = InvertedResidual(m["features"][index + 1], x, block.Channels * scale, block.Expansion, block.Stride);
        }

        x = ConvNormActivation(m["features"][s_blocks.Length + 1], x, 64 * scale, 1, 1);
        x = m.Flatten(m.GlobalAveragePool(x));
        return graph.Finish(foldBatchNorm, ("output", m["classifier"][1].Linear(x, 10)));
    }

    private static Value InvertedResidual(Module m, Value x, long channels, long expansion, long stride)
    {
        var inputs = x.Shape![1].Value!.Value;
        var (conv, next) = (m["conv"], 0);
        var h = x;
        if (expansion != 1)
        {
            h = ConvNormActivation(conv[next++], h, inputs * expansion, 1, 1);
        }

        h = ConvNormActivation(conv[next++], h, inputs * expansion, 3, stride, inputs * expansion);
        h = conv[next++].Conv2d(h, channels, 1, bias: false);
        h = conv[next].BatchNorm2d(h, 0.5);
        return stride == 1 && inputs == channels ? m.Add(x, h) : h;
    }

    private static Value ConvNormActivation(Module m, Value x, long channels, long kernel, long stride, long groups = 1)
    {
        x = m[0].Conv2d(x, channels, kernel, stride, (kernel - 1) / 2, groups, bias: false);
        return m[2].Relu6(m[1].BatchNorm2d(x, 0.5));
    }
}
