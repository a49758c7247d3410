using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Quantization.Static;

/// <summary>int8 for other runtimes than that of this machine: laid out as they read it, and as exact.</summary>
[TestClass]
public sealed class BackendTests
{
    public required TestContext TestContext { get; init; }

    public static IEnumerable<object[]> Names => StaticModelsTests.Names;

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void TensorRt_gets_signed_integers_around_zero_and_float_biases(string name)
    {
        var (load, inputs) = StaticModelsTests.Open(name);
        var (result, bytes) = StaticModelsTests.Quantize(load, QuantizationScheme.Int8, QuantizationBackend.TensorRt);
        using var model = Model.Parse(bytes);
        Node[] pairs = [.. model.Graph.Nodes.Where(node => node.OpType is "QuantizeLinear" or "DequantizeLinear")];

        Assert.IsGreaterThan(0, (int)result.Metrics["quantizedLayers"]!);
        Assert.IsTrue(pairs.All(node => node.Domain.Length == 0));
        Assert.IsTrue(pairs.All(node => node.Inputs[2]!.Initializer is { Type: DataType.Int8 } zero && zero.ToArray<sbyte>().All(point => point == 0)));
        Assert.IsTrue(pairs.Where(node => node.Is("DequantizeLinear")).All(node => node.Inputs[0]!.ElementType == DataType.Int8 || node.Inputs[0]!.Initializer?.Type == DataType.Int8));
        Assert.AreEqual("tensorrt", (string?)result.Metrics["backend"]);
        Assert.IsFalse(result.Metrics.ContainsKey("runtime"), "what this machine's processor fuses says nothing about TensorRT");

        // All that layers read is quantized, and what they make only where layers read it.
        foreach (var node in model.Graph.Nodes.Where(node => node.OpType is "Conv" or "Gemm" or "MatMul" && node.Inputs[1]!.Producer is { OpType: "DequantizeLinear" }))
        {
            Assert.AreEqual("DequantizeLinear", node.Inputs[0]!.Producer!.OpType);
            Assert.IsTrue(node.Input(2) is not { } bias || bias.ConstantTensor is { Type: DataType.Float });
        }

        Check(name, load, inputs, bytes);
    }

    [TestMethod]
    [DataRow("resnet/batchnorm-static")]
    [DataRow("vit/dynamic")]
    [DataRow("unet2d-cifarstyle/model_op14.onnx/io")]
    public void Arm_gets_signed_integers_with_zero_points(string name)
    {
        var (load, inputs) = StaticModelsTests.Open(name);
        var (_, bytes) = StaticModelsTests.Quantize(load, QuantizationScheme.Int8, QuantizationBackend.Arm64);
        using var model = Model.Parse(bytes);
        var points = model.Graph.Nodes.Where(node => node.Is("QuantizeLinear")).Select(node => node.Inputs[2]!.Initializer!).ToArray();

        Assert.IsTrue(points.All(point => point.Type == DataType.Int8));
        Assert.IsTrue(points.Any(point => point.ToArray<sbyte>()[0] != 0));
        Check(name, load, inputs, bytes);
    }

    /// <summary>A normalisation behind a convolution reads numbers, not integers, for a runtime that needs no integers there.</summary>
    [TestMethod]
    public void Results_of_layers_stay_in_float_unless_layers_alone_read_them()
    {
        var load = SampleModels.All.First(model => model.Name.StartsWith("unet2d-cifarstyle", StringComparison.Ordinal)).Load;
        Assert.AreEqual((0, true), (Behind(QuantizationBackend.TensorRt), Behind(QuantizationBackend.X64) > 10));

        int Behind(QuantizationBackend backend)
        {
            using var model = Model.Parse(StaticModelsTests.Quantize(load, QuantizationScheme.Int8, backend).Bytes);
            return model.Graph.Nodes.Count(node => node.Is("Conv") && node.Outputs[0]!.Uses is [{ Node: { OpType: "QuantizeLinear" } pair }] && pair.Outputs[0]!.Uses[0].Node.Outputs[0]!.Uses.Any(use => use.Node.OpType is "InstanceNormalization" or "Add"));
        }
    }

    [TestMethod]
    public void Corrected_biases_stay_floats_for_TensorRt()
    {
        using var model = ClassicModels.Get("resnet/batchnorm-static").Build();
        using var plain = ClassicModels.Get("resnet/batchnorm-static").Build();
        var corrected = Biases(model, corrects: true);

        Assert.IsGreaterThan(5, corrected.Length);
        CollectionAssert.AllItemsAreUnique(corrected);
        Assert.IsTrue(corrected.Zip(Biases(plain, corrects: false)).All(pair => !pair.First.Initializer!.ToFloats().SequenceEqual(pair.Second.Initializer!.ToFloats())), "each takes off what was added on average");
        Assert.IsTrue(model.Graph.Initializers.All(value => value.Uses.Count > 0 || value.IsGraphOutput), "no bias is left over");

        static Value[] Biases(Model model, bool corrects)
        {
            var options = new QuantizeOptions { Scheme = QuantizationScheme.Int8, Backend = QuantizationBackend.TensorRt, BiasCorrection = corrects, Calibration = new CalibrationOptions { Random = 4 } };
            new QuantizeStage().Run(model, (object)options, new StageContext());
            Value[] biases = [.. model.Graph.Nodes.Where(node => node.Is("Conv")).Select(node => node.Input(2)!)];
            Assert.IsTrue(biases.All(bias => bias.Initializer is { Type: DataType.Float }));
            return biases;
        }
    }

    [TestMethod]
    [DataRow(QuantizationScheme.Int16, null, null, null, "backend")]
    [DataRow(QuantizationScheme.Int8, true, null, null, "only-faster")]
    [DataRow(QuantizationScheme.Int8, null, true, null, "reduce-range")]
    [DataRow(QuantizationScheme.Int8, null, null, true, "between")]
    public void What_a_backend_does_not_read_is_an_error(QuantizationScheme scheme, bool? onlyFaster, bool? reduceRange, bool? between, string option)
    {
        var options = new QuantizeOptions { Scheme = scheme, Backend = QuantizationBackend.TensorRt, OnlyFaster = onlyFaster, ReduceRange = reduceRange, Between = between, Calibration = new CalibrationOptions { Random = 1 } };
        var errors = new OptionErrors();
        ((IStage)new QuantizeStage()).Validate(options, errors);
        Assert.AreEqual(option, errors.Items.Single().Path);
    }

    private void Check(string name, Func<Model> load, Dictionary<string, Tensor> inputs, byte[] bytes)
    {
        using var original = load();
        var outputs = ModelRunner.Run(bytes, inputs);
        foreach (var (output, tensor) in ModelRunner.Run(original.ToBytes(), inputs).Where(output => output.Value.Type == DataType.Float))
        {
            var noise = ModelRunner.SnrDb(tensor, outputs[output]);
            TestContext.WriteLine($"{name} {output}: {noise:F1} dB to float32");
            Assert.IsGreaterThan(15, noise);
        }
    }
}
