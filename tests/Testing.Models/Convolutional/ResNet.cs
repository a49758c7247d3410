using CompressTool.Onnx;

namespace CompressTool.Testing.Models;

/// <summary>ResNet with bottlenecks (He et al. 2016) and ResNeXt (Xie et al. 2017), as in torchvision: two stages of two blocks.</summary>
public static class ResNet
{
    private const int Expansion = 4;

    /// <summary>Builds it for images [batch, 3, side, side].</summary>
    /// <param name="groups">Groups of the 3x3 convolutions; more than 1 makes it a ResNeXt.</param>
    /// <param name="foldBatchNorm">Whether batch normalisation is folded into the convolutions.</param>
    /// <param name="isDynamic">Whether the batch is open.</param>
    /// <param name="scale">How many times as many channels.</param>
    /// <param name="side">Height and width of the images.</param>
    public static Model Build(int groups = 1, bool foldBatchNorm = true, bool isDynamic = false, int scale = 1, int side = 32)
    {
        var graph = new ExporterGraph(isDynamic);
        var m = graph.Root;
        var x = graph.Input("input", DataType.Float, graph.Batch, 3, side, side);
        x = m["conv1"].Conv2d(x, 16 * scale, 7, stride: 2, padding: 3, bias: false);
        x = m["relu"].Relu(m["bn1"].BatchNorm2d(x));
        x = m["maxpool"].MaxPool2d(x, 3, 2, 1);
        x = Bottleneck(m["layer1"][0], x, 8 * scale, groups, 1);
        x = Bottleneck(m["layer1"][1], x, 8 * scale, groups, 1);
        x = Bottleneck(m["layer2"][0], x, 16 * scale, groups, 2);
        x = Bottleneck(m["layer2"][1], x, 16 * scale, groups, 1);
        x = m.Flatten(m["avgpool"].GlobalAveragePool(x));
        return graph.Finish(foldBatchNorm, ("output", m["fc"].Linear(x, 10)));
    }

    private static Value Bottleneck(Module m, Value x, long planes, long groups, long stride)
    {
        var width = groups > 1 ? planes * 2 : planes;
        var h = m["bn1"].BatchNorm2d(m["conv1"].Conv2d(x, width, 1, bias: false));
        h = m["relu"].Relu(h);
        h = m["bn2"].BatchNorm2d(m["conv2"].Conv2d(h, width, 3, stride, 1, groups, bias: false));
        h = m["relu"].Relu(h);
        h = m["bn3"].BatchNorm2d(m["conv3"].Conv2d(h, planes * Expansion, 1, bias: false));
        if (stride != 1 || x.Shape![1].Value != planes * Expansion)
        {
            x = m["downsample"][0].Conv2d(x, planes * Expansion, 1, stride, bias: false);
            x = m["downsample"][1].BatchNorm2d(x);
        }

        return m["relu"].Relu(m.Add(h, x));
    }
}
