using CompressTool.Onnx;

namespace CompressTool.Testing.Models;

/// <summary>ConvNeXt (Liu et al. 2022), as in its own code: depthwise 7x7, then a network on the channels as last axis, with layer scale.</summary>
public static class ConvNeXt
{
    /// <summary>Builds it for images [batch, 3, 32, 32].</summary>
    /// <param name="isDynamic">Whether the batch is open.</param>
    /// <param name="opset">Version of the operators; before 17 layer normalisation is decomposed.</param>
    public static Model Build(bool isDynamic = false, int opset = 17)
    {
        var graph = new ExporterGraph(isDynamic, opset);
        var m = graph.Root;
        var x = graph.Input("input", DataType.Float, graph.Batch, 3, 32, 32);
        x = m["downsample_layers", 0][0].Conv2d(x, 16, 4, stride: 4);
        x = m["downsample_layers", 0][1].LayerNormChannelsFirst(x);
        x = Block(m["stages", 0][0], x);
        x = Block(m["stages", 0][1], x);
        x = m["downsample_layers", 1][0].LayerNormChannelsFirst(x);
        x = m["downsample_layers", 1][1].Conv2d(x, 24, 2, stride: 2);
        x = Block(m["stages", 1][0], x);
        x = Block(m["stages", 1][1], x);
        x = m["norm"].LayerNorm(m.Mean(x, false, -2, -1), 1e-6);
        return graph.Finish(("output", m["head"].Linear(x, 10)));
    }

    private static Value Block(Module m, Value x)
    {
        var channels = x.Shape![1].Value!.Value;
        var h = m["dwconv"].Conv2d(x, channels, 7, padding: 3, groups: channels);
        h = m["norm"].LayerNorm(m.Transpose(h, 0, 2, 3, 1), 1e-6);
        h = m["act"].Gelu(m["pwconv1"].Linear(h, 4 * channels));
        h = m["pwconv2"].Linear(h, channels);
        h = m.Mul(m.Parameter("gamma", 0.5, 0.2, channels), h);
        return m.Add(x, m.Transpose(h, 0, 3, 1, 2));
    }
}
