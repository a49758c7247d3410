using CompressTool.Onnx;

namespace CompressTool.Testing.Models;

/// <summary>ShuffleNet (Zhang et al. 2018): grouped 1x1 convolutions with a shuffle between, so that groups see each other.</summary>
public static class ShuffleNetV1
{
    private const long Groups = 2;

    /// <summary>Builds it for images [batch, 3, 32, 32].</summary>
    /// <param name="foldBatchNorm">Whether batch normalisation is folded into the convolutions.</param>
    /// <param name="isDynamic">Whether the batch is open.</param>
    public static Model Build(bool foldBatchNorm = true, bool isDynamic = false)
    {
        var graph = new ExporterGraph(isDynamic);
        var m = graph.Root;
        var x = graph.Input("input", DataType.Float, graph.Batch, 3, 32, 32);
        x = m["first_conv"][1].BatchNorm2d(m["first_conv"][0].Conv2d(x, 16, 3, 2, 1, bias: false), 1);
        x = m["maxpool"].MaxPool2d(m["first_conv"][2].Relu(x), 3, 2, 1);
        x = Block(m["features"][0], x, 48, 2);
        x = Block(m["features"][1], x, 48, 1);
        x = Block(m["features"][2], x, 48, 1);
        x = m.Flatten(m["globalpool"].GlobalAveragePool(x));
        return graph.Finish(foldBatchNorm, ("output", m["classifier"][0].Linear(x, 10)));
    }

    /// <summary>A block; one with stride 2 puts its pooled input before what it makes instead of adding it.</summary>
    private static Value Block(Module m, Value x, long channels, long stride)
    {
        var inputs = x.Shape![1].Value!.Value;
        var middle = channels / 4;
        var branch = m["branch_main_1"];
        var h = branch[2].Relu(branch[1].BatchNorm2d(branch[0].Conv2d(x, middle, 1, groups: Groups, bias: false), 1));
        h = ShuffleNetV2.Shuffle(m, h, Groups);
        branch = m["branch_main_2"];
        h = branch[1].BatchNorm2d(branch[0].Conv2d(h, middle, 3, stride, 1, middle, bias: false), 1);
        h = branch[3].BatchNorm2d(branch[2].Conv2d(h, stride == 2 ? channels - inputs : channels, 1, groups: Groups, bias: false), 1);
        return stride == 2 ? m.Concat(1, m["branch_proj"].AvgPool2d(x, 2), m.Relu(h)) : m.Relu(m.Add(x, h));
    }
}
