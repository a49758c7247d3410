using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Static;
using CompressTool.Onnx;
using CompressTool.Testing.Models;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization.Static;

/// <summary>bias-correction: what quantization adds to channels on average is taken off biases.</summary>
[TestClass]
public sealed class MeanCorrectionTests
{
    public required TestContext TestContext { get; init; }

    [TestMethod]
    public void Shifts_are_means_and_what_chance_may_have_made_is_none()
    {
        // Channel 0 is off by 1 on average with hardly any noise, channel 1 is as often above as below.
        var errors = new ChannelErrors();
        var exact = Enumerable.Range(0, 64).Select(x => (float)x).ToArray();
        float[] noisy = [.. exact.Select((x, place) => (place / 4 % 2, place % 2) switch { (0, 0) => x + 1.01f, (0, _) => x + 0.99f, (_, 0) => x + 0.5f, _ => x - 0.5f })];
        errors.Add(exact.AsSpan(0, 32), noisy.AsSpan(0, 32), 2, 4);
        errors.Add(exact.AsSpan(32), noisy.AsSpan(32), 2, 4);

        var shifts = errors.Shifts();
        Assert.AreEqual(1, shifts[0], 1e-5);
        Assert.AreEqual(0, shifts[1]);
        Assert.AreEqual(exact.Sum(x => (double)x * x), errors.Signal);
        Assert.AreEqual(exact.Zip(noisy).Sum(pair => Math.Pow((double)pair.Second - pair.First, 2)), errors.Noise, 1e-9);
        var corrected = noisy.Select((x, place) => x - shifts[place / 4 % 2]);
        Assert.AreEqual(exact.Zip(corrected).Sum(pair => Math.Pow(pair.Second - pair.First, 2)), errors.NoiseWithout(shifts), 1e-9);
    }

    [TestMethod]
    [DataRow("Conv", true)]
    [DataRow("Conv", false)]
    [DataRow("Gemm", true)]
    [DataRow("Gemm", false)]
    [DataRow("MatMul", true)]
    public void Means_of_channels_come_near_to_those_of_floats(string op, bool hasBias)
    {
        // Inputs have a mean, which the rounding of the weights shifts outputs by.
        Model Load() => StaticRuns.Build(op == "Conv" ? new Shape(1, 16, 12, 12) : new Shape(24, 48), graph =>
        {
            var x = graph.AddNode(null, "Sigmoid", "e", [graph.Inputs[0]]);
            var bias = hasBias ? graph.Random("b", 0.1, 8) : null;
            return op switch
            {
                "Conv" => graph.AddNode(null, "Conv", "y", [x, graph.Random("w", 0.2, 8, 16, 3, 3), bias], attributes: Attribute.Ints("pads", 1, 1, 1, 1)),
                "Gemm" => graph.AddNode(null, "Gemm", "y", [x, graph.Random("w", 0.2, 8, 48), bias], attributes: Attribute.Int("transB", 1)),
                _ => graph.AddNode(null, "Add", "y", [graph.AddNode(null, "MatMul", "m", [x, graph.Random("w", 0.2, 48, 8)]), bias!]),
            };
        });

        using var model = Load();
        var inputs = StaticRuns.Inputs(model, 64);
        var exact = Means(StaticRuns.Run(model.ToBytes(), inputs), op);
        var options = new QuantizeOptions { Scheme = QuantizationScheme.Int8, ReduceRange = true };
        var (plain, corrected) = (StaticRuns.Quantize(Load(), options with { BiasCorrection = false }), StaticRuns.Quantize(Load(), options with { BiasCorrection = true }));
        var (before, after) = (Distance(plain.Model), Distance(corrected.Model));
        TestContext.WriteLine($"{op}: means are off by {before:F4} without and {after:F4} with correction");
        Assert.IsLessThan(0.5 * before, after);
        Assert.AreEqual(plain.Metrics["runtime"]!.ToJsonString(), corrected.Metrics["runtime"]!.ToJsonString());
        Assert.IsGreaterThan((double)plain.Metrics["layers"]![0]!["outputSnrDb"]!, (double)corrected.Metrics["layers"]![0]!["outputSnrDb"]!);

        double Distance(Model quantized) => Math.Sqrt(Means(StaticRuns.Run(quantized.ToBytes(), inputs), op).Zip(exact).Sum(pair => Math.Pow(pair.First - pair.Second, 2)));
    }

    [TestMethod]
    public void A_product_without_a_bias_is_left_alone_and_named()
    {
        Model Load() => StaticRuns.Build(new Shape(4, 16), graph => graph.AddNode(null, "MatMul", "y", [graph.AddNode(null, "Exp", "e", [graph.Inputs[0]]), graph.Random("w", 0.2, 16, 8)]));
        var options = new QuantizeOptions { Scheme = QuantizationScheme.Int8 };
        var (plain, corrected) = (StaticRuns.Quantize(Load(), options with { BiasCorrection = false }), StaticRuns.Quantize(Load(), options with { BiasCorrection = true }));
        Assert.AreEqual("""["w"]""", corrected.Metrics["withoutBias"]!.ToJsonString());
        CollectionAssert.AreEqual(plain.Model.ToBytes(), corrected.Model.ToBytes());
        Assert.AreEqual((double)plain.Metrics["layers"]![0]!["outputSnrDb"]!, (double)corrected.Metrics["layers"]![0]!["outputSnrDb"]!, 0.5);
    }

    /// <summary>The means of single layers become right; outputs gain by that, some little.</summary>
    [TestMethod]
    [DataRow("resnet/batchnorm-static")]
    [DataRow("convnext/static")]
    [DataRow("bert/static")]
    public void Models_are_nearer_to_floats_and_stay_as_fast(string name)
    {
        var options = new QuantizeOptions { Scheme = QuantizationScheme.Int8 };
        var (before, plain) = StaticRuns.Measure(ClassicModels.Get(name).Build, options with { BiasCorrection = false });
        var (after, corrected) = StaticRuns.Measure(ClassicModels.Get(name).Build, options with { BiasCorrection = true });
        TestContext.WriteLine($"{name}: {before:F2} dB without and {after:F2} dB with correction");
        Assert.IsGreaterThan(before, after);
        Assert.AreEqual(plain.Metrics["runtime"]!.ToJsonString(), corrected.Metrics["runtime"]!.ToJsonString());
    }

    private static double[] Means(List<Tensor> outputs, string op)
    {
        const int Channels = 8;
        var (sums, count) = (new double[Channels], 0);
        foreach (var numbers in outputs.Select(output => output.ToFloats()))
        {
            var inner = op == "Conv" ? numbers.Length / Channels : 1;
            for (var place = 0; place < numbers.Length; place++)
            {
                sums[place / inner % Channels] += numbers[place];
            }

            count += numbers.Length / Channels;
        }

        return Array.ConvertAll(sums, sum => sum / count);
    }
}
