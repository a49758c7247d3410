using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Quantization.WeightOnly;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Testing.Models;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>The option low-rank of the schemes int4 and int8-weights.</summary>
[TestClass]
public sealed class LowRankTests
{
    private const int K = 96, N = 80, Rank = 6;

    public required TestContext TestContext { get; init; }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void The_branch_and_the_quantized_rest_make_the_layer(bool isGemm)
    {
        var weights = Directions();
        using var model = Linear(weights, isGemm);
        var x = new Dictionary<string, Tensor> { ["x"] = RandomTensors.Normal("x", 0, 1, 7, K) };
        var before = ModelRunner.Run(model.ToBytes(), x)["y"];
        var layer = Run(model, new QuantizeOptions { Scheme = QuantizationScheme.Int4, AccuracyLevel = 1, LowRank = Rank })["layers"]![0]!;

        var factors = LowRankBranch.Find(weights, N, Rank);
        var graph = model.Graph;
        CollectionAssert.AreEqual(
            isGemm ? ["MatMulNBits", "Add", "MatMul", "MatMul", "Add"] : new[] { "MatMulNBits", "MatMul", "MatMul", "Add" }, graph.Nodes.Select(node => node.OpType).ToArray());
        CollectionAssert.AreEqual(factors.Left, graph.FindValue("fc.weight_L1")!.Initializer!.ToFloats());
        CollectionAssert.AreEqual(factors.Right, graph.FindValue("fc.weight_L2")!.Initializer!.ToFloats());
        var decoded = WeightOnlyTests.Decode(graph.Nodes[0]);
        var (signal, noise, worst) = (0.0, 0.0, 0.0);
        var whole = new double[weights.Length];
        for (var place = 0; place < weights.Length; place++)
        {
            whole[place] = decoded[place % N][place / N] + Enumerable.Range(0, Rank).Sum(i => (double)factors.Left[(place / N * Rank) + i] * factors.Right[(i * N) + (place % N)]);
            var error = Math.Abs(whole[place] - weights[place]);
            (signal, noise, worst) = (signal + ((double)weights[place] * weights[place]), noise + (error * error), Math.Max(worst, error));
        }

        // The metrics are those of the whole.
        Assert.AreEqual(Rank, (int)layer["lowRank"]!);
        Assert.AreEqual(Rank * (K + N) * 4, (long)layer["lowRankBytes"]!);
        Assert.AreEqual((K * N / 2) + (K * N / 32 * 4) + (Rank * (K + N) * 4), (long)layer["bytes"]!);
        Assert.AreEqual(10 * Math.Log10(signal / noise), (double)layer["snrDb"]!, 0.02);
        Assert.AreEqual(worst, (double)layer["maxAbsError"]!, 1e-5);

        var after = ModelRunner.Run(model.ToBytes(), x)["y"];
        var (rows, bias) = (x["x"].ToFloats(), isGemm ? RandomTensors.Normal("bias", 0, 1, N).ToFloats() : new float[N]);
        var output = after.ToFloats();
        for (var place = 0; place < output.Length; place++)
        {
            Assert.AreEqual(Enumerable.Range(0, K).Sum(k => rows[(place / N * K) + k] * whole[(k * N) + (place % N)]) + bias[place % N], output[place], 2e-4);
        }

        // Most of the weight lies in few directions, which are exact now.
        using var plain = Linear(weights, isGemm);
        Run(plain, new QuantizeOptions { Scheme = QuantizationScheme.Int4, AccuracyLevel = 1 });
        var (split, nearest) = (ModelRunner.SnrDb(before, after), ModelRunner.SnrDb(before, ModelRunner.Run(plain.ToBytes(), x)["y"]));
        TestContext.WriteLine($"nearest {nearest:F2} dB, low-rank {split:F2} dB");
        Assert.IsGreaterThan(nearest + 6, split);
    }

    [TestMethod]
    public void Gptq_rounds_the_rest()
    {
        using var model = Linear(Directions(), isGemm: false);
        var metrics = Run(model, new QuantizeOptions
        {
            Scheme = QuantizationScheme.Int4,
            LowRank = Rank,
            Method = RoundingMethod.Gptq,
            Calibration = new CalibrationOptions { Random = 64 },
        });
        var layer = metrics["layers"]![0]!;
        Assert.AreEqual(("gptq", Rank), ((string)layer["method"]!, (int)layer["lowRank"]!));
        Assert.AreEqual(1, model.Graph.Nodes.Count(node => node.OpType == "MatMulNBits"));
        using var nearest = Linear(Directions(), isGemm: false);
        Run(nearest, new QuantizeOptions { Scheme = QuantizationScheme.Int4, LowRank = Rank });
        CollectionAssert.AreEqual(nearest.Graph.FindValue("fc.weight_L1")!.Initializer!.ToFloats(), model.Graph.FindValue("fc.weight_L1")!.Initializer!.ToFloats());
        CollectionAssert.AreNotEqual(nearest.ToBytes(), model.ToBytes());
    }

    [TestMethod]
    public void Large_residuals_are_computed_when_they_are_read()
    {
        // More than a megabyte, stored transposed.
        const int Size = 640;
        var weights = RandomTensors.Normal("large", 0, 1, Size, Size).ToFloats();
        var model = new Model();
        model.OpsetImports[""] = 17;
        var x = new Value("x", new TensorType(DataType.Float, Shape.Of([3, Size])));
        model.Graph.AddInput(x);
        var weight = model.Graph.AddInitializer("fc.weight", Tensor.Floats([Size, Size], weights));
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "Gemm", "y", [x, weight], null, "", Attribute.Int("transB", 1)));
        var layer = Layers.Find(model.Graph).Single();
        new LowRankSplit(3).Split(layer, default);

        Assert.IsInstanceOfType<ComputedData>(layer.Tensor.Data);
        var (left, right, rest) = (model.Graph.FindValue("fc.weight_L1")!.Initializer!.ToFloats(), model.Graph.FindValue("fc.weight_L2")!.Initializer!.ToFloats(), layer.Tensor.ToFloats());
        for (var place = 0; place < weights.Length; place += 97)
        {
            var (n, k) = (place / Size, place % Size);
            Assert.AreEqual(weights[place], rest[place] + Enumerable.Range(0, 3).Sum(i => left[(k * 3) + i] * right[(i * Size) + n]), 1e-5f);
        }
    }

    [TestMethod]
    [DataRow(80)]
    [DataRow(200)]
    public void Layers_without_room_for_the_rank_are_skipped_with_the_reason(int rank)
    {
        using var model = Linear(Directions(), isGemm: false);
        var error = Assert.ThrowsExactly<CompressToolException>(() => Run(model, new QuantizeOptions { Scheme = QuantizationScheme.Int4, LowRank = rank }));
        Assert.AreEqual(CompressionErrors.NoEffect, error.Code);
        StringAssert.Contains(error.Message, "96 input and 80 output channels");
        StringAssert.Contains(error.Message, "low-rank");
    }

    [TestMethod]
    public void A_branch_that_would_make_the_layer_grow_is_refused()
    {
        using var model = Linear(Directions(), isGemm: false);
        var error = Assert.ThrowsExactly<CompressToolException>(() => Run(model, new QuantizeOptions { Scheme = QuantizationScheme.Int8Weights, LowRank = 40 }));
        StringAssert.Contains(error.Message, "smaller");
    }

    private static JsonObject Run(Model model, QuantizeOptions options) => new QuantizeStage().Run(model, (object)options, new StageContext { Seed = 1 }).Metrics;

    /// <summary>A few strong directions and noise, [K, N].</summary>
    private static float[] Directions()
    {
        var weights = RandomTensors.Normal("noise", 0, 0.05, K, N).ToFloats();
        var (left, right) = (RandomTensors.Normal("left", 0, 1, K, 4).ToFloats(), RandomTensors.Normal("right", 0, 1, 4, N).ToFloats());
        for (var place = 0; place < weights.Length; place++)
        {
            weights[place] += Enumerable.Range(0, 4).Sum(i => left[(place / N * 4) + i] * right[(i * N) + (place % N)]);
        }

        return weights;
    }

    private static Model Linear(float[] weights, bool isGemm) => isGemm
        ? LinearModel.Gemm(Tensor.Floats([N, K], [.. Enumerable.Range(0, K * N).Select(place => weights[(place % K * N) + (place / K)])]), RandomTensors.Normal("bias", 0, 1, N))
        : LinearModel.Product(Tensor.Floats([K, N], weights));
}
