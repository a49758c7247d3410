using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Testing.Models;

/// <summary>
/// U-Net (Ronneberger et al. 2015) with three resolutions. One form is that of segmentation: batch normalisation, ReLU, transposed
/// convolutions; the other is nearer to diffusion: group normalisation, SiLU, nearest neighbours, residual blocks.
/// </summary>
public static class UNet
{
    private const long Width = 16;
    private const long Groups = 4;

    /// <summary>Builds that of segmentation, for images [batch, 3, 32, 32].</summary>
    /// <param name="foldBatchNorm">Whether batch normalisation is folded into the convolutions.</param>
    /// <param name="isDynamic">Whether the batch is open.</param>
    public static Model Build(bool foldBatchNorm = true, bool isDynamic = false)
    {
        var graph = new ExporterGraph(isDynamic);
        var m = graph.Root;
        var x0 = DoubleConv(m["inc"], graph.Input("input", DataType.Float, graph.Batch, 3, 32, 32), Width);
        var x1 = Down(m["down1"]["maxpool_conv"], x0, 2 * Width);
        var x2 = Down(m["down2"]["maxpool_conv"], x1, 4 * Width);
        var x = Up(m["up1"], x2, x1, 2 * Width);
        x = Up(m["up2"], x, x0, Width);
        return graph.Finish(foldBatchNorm, ("output", m["outc"]["conv"].Conv2d(x, 2, 1)));
    }

    /// <summary>Builds that with group normalisation, for images [batch, 3, 32, 32].</summary>
    /// <param name="isDynamic">Whether the batch is open.</param>
    public static Model BuildWithGroupNorm(bool isDynamic = false)
    {
        var graph = new ExporterGraph(isDynamic);
        var m = graph.Root;
        var x0 = m["conv_in"].Conv2d(graph.Input("input", DataType.Float, graph.Batch, 3, 32, 32), Width, 3, padding: 1);
        x0 = ResnetBlock(m["down_blocks", 0], x0, Width);
        var x1 = m["downsamplers", 0]["conv"].Conv2d(x0, Width, 3, stride: 2, padding: 1);
        x1 = ResnetBlock(m["down_blocks", 1], x1, 2 * Width);
        var x = m["downsamplers", 1]["conv"].Conv2d(x1, 2 * Width, 3, stride: 2, padding: 1);
        x = ResnetBlock(m["mid_block"], x, 2 * Width);
        x = m["upsamplers", 0]["conv"].Conv2d(m["upsamplers", 0].UpsampleNearest(x), 2 * Width, 3, padding: 1);
        x = ResnetBlock(m["up_blocks", 0], m.Concat(1, x, x1), 2 * Width);
        x = m["upsamplers", 1]["conv"].Conv2d(m["upsamplers", 1].UpsampleNearest(x), Width, 3, padding: 1);
        x = ResnetBlock(m["up_blocks", 1], m.Concat(1, x, x0), Width);
        x = m["conv_act"].Silu(m["conv_norm_out"].GroupNorm(x, Groups));
        return graph.Finish(("output", m["conv_out"].Conv2d(x, 3, 3, padding: 1)));
    }

    private static Value Down(Module m, Value x, long channels) => DoubleConv(m[1], m[0].MaxPool2d(x, 2, 2), channels);

    private static Value Up(Module m, Value x, Value skip, long channels)
    {
        x = m["up"].ConvTranspose2d(x, channels);
        if (!m.Graph.IsDynamic)
        {
            // The code pads x to the size of the skip, here by nothing.
            x = m.Node("Pad", [x, m.Constant(Tensor.Int64s(new long[8]))], Attribute.String("mode", "constant"));
        }

        return DoubleConv(m["conv"], m.Concat(1, skip, x), channels);
    }

    private static Value DoubleConv(Module m, Value x, long channels)
    {
        var conv = m["double_conv"];
        x = conv[2].Relu(conv[1].BatchNorm2d(conv[0].Conv2d(x, channels, 3, padding: 1, bias: false)));
        return conv[5].Relu(conv[4].BatchNorm2d(conv[3].Conv2d(x, channels, 3, padding: 1, bias: false)));
    }

    private static Value ResnetBlock(Module m, Value x, long channels)
    {
        var h = m["nonlinearity"].Silu(m["norm1"].GroupNorm(x, Groups));
        h = m["conv1"].Conv2d(h, channels, 3, padding: 1);
        h = m["nonlinearity"].Silu(m["norm2"].GroupNorm(h, Groups));
        h = m["conv2"].Conv2d(h, channels, 3, padding: 1);
        return m.Add(x.Shape![1] == channels ? x : m["conv_shortcut"].Conv2d(x, channels, 1), h);
    }
}
