using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>Stages one after the other give layers schemes of their own.</summary>
[TestClass]
public sealed class MixedSchemesTests
{
    [TestMethod]
    public void Convolutions_in_8_bits_products_in_4_and_the_rest_in_float16()
    {
        var sample = SampleModels.All.First(model => model.Name.StartsWith("unet2d/", StringComparison.Ordinal));
        using var original = sample.Load();
        var exact = ModelRunner.Run(original.ToBytes(), sample.Inputs())["out_sample"];
        using var model = sample.Load();

        var convolutions = Quantize(new QuantizeOptions { Scheme = QuantizationScheme.Int8, Layers = new LayerSelector { Include = ["op:Conv"] }, Calibration = new CalibrationOptions { Random = 4 } });
        var products = Quantize(new QuantizeOptions { Scheme = QuantizationScheme.Int4, Layers = new LayerSelector { Include = ["op:MatMul", "op:Gemm"] } });
        Quantize(new QuantizeOptions { Scheme = QuantizationScheme.Fp16 });

        Assert.AreEqual((int)convolutions["quantizedLayers"]!, (int)convolutions["runtime"]!["integerOperators"]!["QLinearConv"]!);
        Assert.IsGreaterThan(0, (int)products["quantizedLayers"]!);
        Assert.AreEqual((int)products["quantizedLayers"]!, model.Graph.Nodes.Count(node => node.OpType == "MatMulNBits"));
        Assert.IsTrue(model.Graph.Nodes.Where(node => node.OpType == "Softmax").All(node => node.Outputs[0]!.ElementType == DataType.Float16));
        Assert.IsGreaterThan(15, ModelRunner.SnrDb(exact, ModelRunner.Run(model.ToBytes(), sample.Inputs())["out_sample"]));

        JsonObject Quantize(QuantizeOptions options) => new QuantizeStage().Run(model, (object)options, new StageContext { Seed = 1 }).Metrics;
    }
}
