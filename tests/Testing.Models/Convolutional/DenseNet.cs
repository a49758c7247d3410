using CompressTool.Onnx;

namespace CompressTool.Testing.Models;

/// <summary>
/// DenseNet (Huang et al. 2017), as in torchvision: every layer takes what all layers before it in its block have made. Batch
/// normalisation stands before the convolutions, so that only the one in the middle of a layer can be folded.
/// </summary>
public static class DenseNet
{
    private const long Growth = 8;
    private const long Bottleneck = 4;

    /// <summary>Builds it for images [batch, 3, 32, 32].</summary>
    /// <param name="foldBatchNorm">Whether batch normalisation is folded into the convolutions where it can be.</param>
    /// <param name="isDynamic">Whether the batch is open.</param>
    public static Model Build(bool foldBatchNorm = true, bool isDynamic = false)
    {
        var graph = new ExporterGraph(isDynamic);
        var m = graph.Root["features"];
        var x = graph.Input("input", DataType.Float, graph.Batch, 3, 32, 32);
        x = m["conv0"].Conv2d(x, 16, 7, stride: 2, padding: 3, bias: false);
        x = m["relu0"].Relu(m["norm0"].BatchNorm2d(x));
        x = m["pool0"].MaxPool2d(x, 3, 2, 1);
        x = Block(m["denseblock1"], x, 3);
        x = Transition(m["transition1"], x);
        x = Block(m["denseblock2"], x, 4);
        x = graph.Root.Relu(m["norm5"].BatchNorm2d(x));
        x = graph.Root.Flatten(graph.Root.GlobalAveragePool(x));
        return graph.Finish(foldBatchNorm, ("output", graph.Root["classifier"].Linear(x, 10)));
    }

    private static Value Block(Module m, Value x, int layers)
    {
        List<Value> features = [x];
        for (var layer = 1; layer <= layers; layer++)
        {
            features.Add(Layer(m[$"denselayer{layer}"], [.. features]));
        }

        return m.Concat(1, [.. features]);
    }

    private static Value Layer(Module m, Value[] features)
    {
        var x = m.Concat(1, features);
        x = m["relu1"].Relu(m["norm1"].BatchNorm2d(x));
        x = m["conv1"].Conv2d(x, Bottleneck * Growth, 1, bias: false);
        x = m["relu2"].Relu(m["norm2"].BatchNorm2d(x));
        return m["conv2"].Conv2d(x, Growth, 3, padding: 1, bias: false);
    }

    private static Value Transition(Module m, Value x)
    {
        var channels = x.Shape![1].Value!.Value / 2;
        x = m["relu"].Relu(m["norm"].BatchNorm2d(x));
        return m["pool"].AvgPool2d(m["conv"].Conv2d(x, channels, 1, bias: false), 2);
    }
}
