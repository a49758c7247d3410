using CompressTool.Onnx;

namespace CompressTool.Testing.Models;

/// <summary>ShuffleNetV2 (Ma et al. 2018), as in torchvision: half of the channels pass a block as they are, then all are shuffled.</summary>
public static class ShuffleNetV2
{
    /// <summary>Builds it for images [batch, 3, 32, 32].</summary>
    /// <param name="foldBatchNorm">Whether batch normalisation is folded into the convolutions.</param>
    /// <param name="isDynamic">Whether the batch is open.</param>
    public static Model Build(bool foldBatchNorm = true, bool isDynamic = false)
    {
        var graph = new ExporterGraph(isDynamic);
        var m = graph.Root;
        var x = graph.Input("input", DataType.Float, graph.Batch, 3, 32, 32);
        x = ConvNorm(m["conv1"], 0, x, 12, 3, 2);
        x = m["maxpool"].MaxPool2d(m["conv1"][2].Relu(x), 3, 2, 1);
        x = InvertedResidual(m["stage2"][0], x, 24, 2);
        x = InvertedResidual(m["stage2"][1], x, 24, 1);
        x = InvertedResidual(m["stage3"][0], x, 48, 2);
        x = InvertedResidual(m["stage3"][1], x, 48, 1);
        x = InvertedResidual(m["stage3"][2], x, 48, 1);
        x = m["conv5"][2].Relu(ConvNorm(m["conv5"], 0, x, 64, 1));
        return graph.Finish(foldBatchNorm, ("output", m["fc"].Linear(m.Mean(x, false, 2, 3), 10)));
    }

    private static Value InvertedResidual(Module m, Value x, long channels, long stride)
    {
        Value first, second;
        if (stride == 1)
        {
            var halves = m.Chunk(x, 2, 1);
            (first, second) = (halves[0], halves[1]);
        }
        else
        {
            var branch = m["branch1"];
            first = ConvNorm(branch, 0, x, x.Shape![1].Value!.Value, 3, stride, isDepthwise: true);
            first = branch[4].Relu(ConvNorm(branch, 2, first, channels / 2, 1));
            second = x;
        }

        return Shuffle(m, m.Concat(1, first, Branch(m["branch2"], second, channels / 2, stride)), 2);
    }

    private static Value Branch(Module m, Value x, long channels, long stride)
    {
        x = m[2].Relu(ConvNorm(m, 0, x, channels, 1));
        x = ConvNorm(m, 3, x, channels, 3, stride, isDepthwise: true);
        return m[7].Relu(ConvNorm(m, 5, x, channels, 1));
    }

    /// <summary>The channels as groups, transposed.</summary>
    internal static Value Shuffle(Module m, Value x, long groups)
    {
        var sizes = m.Shape(x);
        var grouped = m.Reshape(x, sizes[0], groups, m.Divide(sizes[1], groups), sizes[2], sizes[3]);
        return m.Reshape(m.Transpose(grouped, 0, 2, 1, 3, 4), sizes);
    }

    private static Value ConvNorm(Module m, int index, Value x, long channels, long kernel, long stride = 1, bool isDepthwise = false) =>
        m[index + 1].BatchNorm2d(m[index].Conv2d(x, channels, kernel, stride, (kernel - 1) / 2, isDepthwise ? channels : 1, bias: false), 1);
}
