using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.WeightOnly;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>The form qdq of the schemes int4 and int8-weights: DequantizeLinear with blocks.</summary>
[TestClass]
public sealed class QdqFormTests
{
    public required TestContext TestContext { get; init; }

    [TestMethod]
    [DataRow(4, 32, true, 70, 47)]
    [DataRow(4, 16, false, 70, 47)]
    [DataRow(4, 128, false, 300, 64)]
    [DataRow(8, 32, true, 70, 47)]
    [DataRow(8, 64, false, 129, 33)]
    public void The_weights_are_those_of_MatMulNBits(int bits, int blockSize, bool symmetric, int k, int n)
    {
        var weight = RandomTensors.Normal("weight", 0.2, 1, k, n);
        using var fused = LinearModel.Product(weight);
        using var standard = LinearModel.Product(weight);
        Run(fused, bits, WeightForm.MatMulNBits, blockSize, symmetric);
        Run(standard, bits, WeightForm.Qdq, blockSize, symmetric);

        Assert.AreEqual((21L, 10L), (standard.Opset, standard.IrVersion));
        CollectionAssert.AreEqual(new[] { "DequantizeLinear", "MatMul" }, standard.Graph.Nodes.Select(node => node.OpType).ToArray());
        Assert.IsTrue(standard.Graph.Nodes.All(node => node.Domain.Length == 0));
        Assert.IsFalse(standard.OpsetImports.ContainsKey("com.microsoft"));
        var dequantize = standard.Graph.Nodes[0];
        Assert.AreEqual(symmetric ? 2 : 3, dequantize.Inputs.Count);
        Assert.AreEqual((bits, symmetric) switch { (4, true) => DataType.Int4, (4, _) => DataType.UInt4, (_, true) => DataType.Int8, _ => DataType.UInt8 }, dequantize.Input(0)!.ElementType);

        var decoded = WeightOnlyTests.Decode(fused.Graph.Nodes[0]);
        var x = new Dictionary<string, Tensor> { ["x"] = RandomTensors.Normal("x", 0, 1, 5, k) };
        standard.Graph.Outputs.Add(dequantize.Output(0)!);
        var results = ModelRunner.Run(standard.ToBytes(), x, GraphOptimizationLevel.DisableAll);
        var weights = results[dequantize.Output(0)!.Name].ToFloats();
        for (var place = 0; place < weights.Length; place++)
        {
            Assert.AreEqual(decoded[place % n][place / n], weights[place]);
        }

        Assert.IsGreaterThan(110, ModelRunner.SnrDb(ModelRunner.Run(fused.ToBytes(), x)["y"], results["y"]));
    }

    [TestMethod]
    [DataRow("vit/decomposed-dynamic", QuantizationScheme.Int4)]
    [DataRow("gpt2/dynamic", QuantizationScheme.Int4)]
    [DataRow("gpt2/dynamic", QuantizationScheme.Int8Weights)]
    [DataRow("llama/dynamic", QuantizationScheme.Int4)]
    [DataRow("bert/static", QuantizationScheme.Int8Weights)]
    public void Whole_models_compute_what_they_do_with_MatMulNBits(string name, QuantizationScheme scheme)
    {
        var classic = ClassicModels.Get(name);
        using var fused = classic.Build();
        using var standard = classic.Build();
        var inputs = classic.Inputs(fused);
        Stage(fused, new QuantizeOptions { Scheme = scheme, AccuracyLevel = 1 });
        Stage(standard, new QuantizeOptions { Scheme = scheme, Form = WeightForm.Qdq });
        var expected = ModelRunner.Run(fused.ToBytes(), inputs);
        foreach (var (level, least) in new[] { (GraphOptimizationLevel.DisableAll, 95), (GraphOptimizationLevel.All, 25) })
        {
            // Optimised, the runtime makes MatMulNBits of its own, which rounds activations to 8 bits.
            var actual = ModelRunner.Run(standard.ToBytes(), inputs, level);
            foreach (var (output, tensor) in expected)
            {
                var snr = ModelRunner.SnrDb(tensor, actual[output]);
                TestContext.WriteLine($"{level} {output}: {snr:F1} dB");
                Assert.IsGreaterThan(least, snr);
            }
        }
    }

    [TestMethod]
    public void Float16_weights_and_low_rank_have_the_form_too()
    {
        using var half = LinearModel.Product(Tensor.Create<Half>(DataType.Float16, [64, 32], Array.ConvertAll(RandomTensors.Normal("weight", 0, 1, 64, 32).ToFloats(), x => (Half)x)));
        Run(half, 4, WeightForm.Qdq, 32, false);
        Assert.AreEqual(DataType.Float16, half.Graph.Nodes[0].Input(1)!.ElementType);
        Assert.AreEqual(DataType.Float16, half.Graph.Nodes[0].Output(0)!.ElementType);
        ModelRunner.Run(half.ToBytes(), new Dictionary<string, Tensor> { ["x"] = Tensor.Create<Half>(DataType.Float16, [1, 64], new Half[64]) });

        using var branched = LinearModel.Product(RandomTensors.Normal("weight", 0, 1, 96, 80));
        Stage(branched, new QuantizeOptions { Scheme = QuantizationScheme.Int4, Form = WeightForm.Qdq, LowRank = 4 });
        CollectionAssert.AreEqual(new[] { "DequantizeLinear", "MatMul", "MatMul", "MatMul", "Add" }, branched.Graph.Nodes.Select(node => node.OpType).ToArray());
        ModelRunner.Run(branched.ToBytes(), new Dictionary<string, Tensor> { ["x"] = RandomTensors.Normal("x", 0, 1, 1, 96) });
    }

    [TestMethod]
    public void A_model_whose_opset_cannot_be_raised_is_refused()
    {
        using var model = LinearModel.Product(RandomTensors.Normal("weight", 0, 1, 96, 80));
        model.OpsetImports[""] = 12;
        var error = Assert.ThrowsExactly<CompressToolException>(() => Stage(model, new QuantizeOptions { Scheme = QuantizationScheme.Int4, Form = WeightForm.Qdq }));
        Assert.AreEqual(OnnxErrors.Unsupported, error.Code);
        StringAssert.Contains(error.Message, "opset 12");
    }

    private static void Stage(Model model, QuantizeOptions options) => new QuantizeStage().Run(model, (object)options, new StageContext());

    private static void Run(Model model, int bits, WeightForm form, int blockSize, bool symmetric) => Stage(model, new QuantizeOptions
    {
        Scheme = bits == 4 ? QuantizationScheme.Int4 : QuantizationScheme.Int8Weights,
        Form = form,
        BlockSize = blockSize,
        Symmetric = symmetric,
        AccuracyLevel = form == WeightForm.Qdq ? null : 1,
    });
}
