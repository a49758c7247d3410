using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Quantization.WeightOnly;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>The method awq of the schemes int4 and int8-weights.</summary>
[TestClass]
public sealed class AwqRoundingTests
{
    public required TestContext TestContext { get; init; }

    [TestMethod]
    [DataRow("vit/dynamic", QuantizationScheme.Int4, true, 1.0)]
    [DataRow("vit/decomposed-dynamic", QuantizationScheme.Int4, false, 1.0)]
    [DataRow("gpt2/dynamic", QuantizationScheme.Int4, true, 1.0)]
    [DataRow("llama/dynamic", QuantizationScheme.Int4, true, 1.0)]
    [DataRow("gpt2/dynamic", QuantizationScheme.Int8Weights, true, 0.5)]
    public void Outputs_for_inputs_not_seen_are_nearer_where_channels_are_salient(string name, QuantizationScheme scheme, bool symmetric, double leastGainDb)
    {
        using var model = WithSalientChannels(name);
        using var inputs = CalibrationSource.Open(model, new CalibrationOptions { Random = 32, Batch = 8 }, new StageContext { Seed = 99 });
        var snr = new List<double>();
        foreach (var method in new[] { RoundingMethod.Nearest, RoundingMethod.Awq })
        {
            using var quantized = WithSalientChannels(name);
            var options = new QuantizeOptions
            {
                Scheme = scheme,
                Symmetric = symmetric,
                AccuracyLevel = 1,
                Method = method,
                Calibration = method == RoundingMethod.Awq ? new CalibrationOptions { Random = 96, Batch = 8 } : null,
            };
            var metrics = new QuantizeStage().Run(quantized, (object)options, new StageContext { Seed = 1 }).Metrics;
            snr.Add(OutputNoise.SnrDb(model, quantized, inputs));
            if (method == RoundingMethod.Awq)
            {
                var layers = metrics["layers"]!.AsArray();
                TestContext.WriteLine($"error of outputs {layers.Average(layer => (double?)layer!["outputErrorToNearest"] ?? 1):F3} of nearest, {layers.Count(layer => (string?)layer!["scaling"] == "constants")} of {layers.Count} scaled in constants, {layers.Count(layer => (string?)layer!["scaling"] == "mul")} by a Mul");
                Assert.Contains(layer => (string?)layer!["scaling"] == "constants", layers);
            }
        }

        TestContext.WriteLine($"nearest {snr[0]:F2} dB, awq {snr[1]:F2} dB");
        Assert.IsGreaterThan(snr[0] + leastGainDb, snr[1]);
    }

    [TestMethod]
    [DataRow(4, true)]
    [DataRow(4, false)]
    [DataRow(8, false)]
    public void The_runtime_computes_with_the_weights_of_the_core(int bits, bool symmetric)
    {
        // 70 input channels: the last block is partly filled. The input is the model's, so a node has to divide it.
        const int K = 70, N = 48;
        var format = new BlockFormat(bits, 32, symmetric);
        var weights = RandomTensors.Normal("weight", 0.1f, 1, K, N).ToFloats();
        var inputs = new FixedInputs(3, 40, K, salient: 20);
        var (hessian, moments) = (new Hessian(K), new InputMoments(K));
        inputs.Rows.ForEach(rows => hessian.Add(rows.ToFloats()));
        inputs.Rows.ForEach(rows => moments.Add(rows.ToFloats()));
        var grid = new BlockGrid(K, N, format, false);
        var core = AwqScales.Find(weights, N, moments.MeanSizes(), hessian.Complete(), grid);
        Assert.IsNotNull(core.Ratio);
        Assert.AreEqual(bits == 4, core.Clips.Any(clip => clip < 1));
        var expected = grid.RoundAll(AwqScales.Apply(weights, N, core.Scales, null, 32), N);

        using var model = LinearModel.Product(Tensor.Floats([K, N], weights));
        var metrics = Quantize(model, format, inputs).Metrics["layers"]![0]!;

        CollectionAssert.AreEqual(new[] { "Mul", "MatMulNBits" }, model.Graph.Nodes.Select(node => node.OpType).ToArray());
        Assert.AreEqual("awq", (string)metrics["method"]!);
        Assert.AreEqual("mul", (string)metrics["scaling"]!);
        Assert.AreEqual(core.Error / core.PlainError, (double)metrics["outputErrorToNearest"]!, 1e-3);
        var factors = model.Graph.Nodes[0].Input(1)!.Initializer!.ToFloats();
        var decoded = WeightOnlyTests.Decode(model.Graph.Nodes[1]);
        for (var place = 0; place < expected.Length; place++)
        {
            Assert.AreEqual(expected[place], decoded[place % N][place / N], 1e-5f * core.Scales.Max());
            Assert.AreEqual(1, factors[place / N] * core.Scales[place / N], 1e-6f);
        }

        var rows = inputs.Rows[0].ToFloats();
        var output = ModelRunner.Run(model.ToBytes(), new Dictionary<string, Tensor> { ["x"] = inputs.Rows[0] })["y"].ToFloats();
        for (var place = 0; place < output.Length; place++)
        {
            var sum = Enumerable.Range(0, K).Sum(k => (double)rows[(place / N * K) + k] / core.Scales[k] * expected[(k * N) + (place % N)]);
            Assert.AreEqual(sum, output[place], 2e-4);
        }
    }

    [TestMethod]
    public void Scales_of_wide_layers_are_tried_out_on_a_part_of_the_columns()
    {
        // 4200 columns are more than twice 2048, so every third slab of 64 columns.
        const int K = 40, N = 4200;
        var weights = RandomTensors.Normal("weight", 0, 1, K, N).ToFloats();
        var inputs = new FixedInputs(1, 200, K, salient: 20);
        var (hessian, moments) = (new Hessian(K), new InputMoments(K));
        hessian.Add(inputs.Rows[0].ToFloats());
        moments.Add(inputs.Rows[0].ToFloats());
        int[] columns = [.. Enumerable.Range(0, N).Where(column => column / 64 % 3 == 0)];
        float[] part = [.. Enumerable.Range(0, K).SelectMany(row => columns.Select(column => weights[(row * N) + column]))];
        var search = new AwqScaleSearch(moments.MeanSizes(), hessian.Complete());
        search.AddSizes(part, columns.Length, 32);
        search.AddErrors(part, columns.Length, new BlockGrid(K, columns.Length, new BlockFormat(4, 32, true), false));

        using var model = LinearModel.Product(Tensor.Floats([K, N], weights));
        var metrics = Quantize(model, new BlockFormat(4, 32, true), inputs).Metrics["layers"]![0]!;

        Assert.IsNotNull(search.Ratio);
        CollectionAssert.AreEqual(Array.ConvertAll(search.Scales, scale => 1 / scale), model.Graph.Nodes[0].Input(1)!.Initializer!.ToFloats());
        Assert.IsLessThan(0.9, (double)metrics["outputErrorToNearest"]!);
    }

    [TestMethod]
    public void Channels_that_gain_nothing_are_not_scaled()
    {
        // Whole numbers from -8 to 7 are their own codes: there is no error to make smaller.
        var exact = Enumerable.Range(0, 64 * 48).Select(place => (float)((place / 48 % 16) - 8)).ToArray();
        using var model = LinearModel.Product(Tensor.Floats([64, 48], exact));
        var rounding = Quantize(model, new BlockFormat(4, 32, true), new FixedInputs(1, 100, 64, salient: 20));
        Assert.AreEqual("MatMulNBits", model.Graph.Nodes.Single().OpType);
        Assert.AreEqual("nearest: nearest codes are no worse", Method(rounding));

        foreach (var (inputs, reason) in new (ICalibrationInputs, string)[]
        {
            (new FixedInputs(1, 100, 64, factor: float.NaN), "some of its inputs are infinite or not numbers"),
            (new FixedInputs(1, 0, 64), "it had no inputs"),
            (new FixedInputs(1, 100, 64, factor: 0), "nearest codes are no worse"),
        })
        {
            using var usual = LinearModel.Product(RandomTensors.Normal("weight", 0, 1, 64, 48));
            Assert.AreEqual("nearest: " + reason, Method(Quantize(usual, new BlockFormat(4, 32, true), inputs)));
        }

        static string Method((JsonObject Metrics, int Passes) result) => $"{result.Metrics["layers"]![0]!["method"]}: {result.Metrics["layers"]![0]!["reason"]}";
    }

    [TestMethod]
    public void Neither_threads_nor_passes_nor_slabs_change_a_bit()
    {
        var results = new List<(byte[] Bytes, int Passes)>();
        foreach (var (threads, budget, slab) in new[] { (1, HessianPlan.UsualBudget, 1 << 23), (2, HessianPlan.UsualBudget, 1), (2, 192L * 192 * 8, 1 << 23) })
        {
            using var model = WithSalientChannels("vit/static");
            using var inputs = CalibrationSource.Open(model, new CalibrationOptions { Random = 8 }, new StageContext { Seed = 5 });
            var passes = Quantize(model, new BlockFormat(4, 32, false), inputs, budget, threads, slab).Passes;
            results.Add((model.ToBytes(), passes));
        }

        Assert.AreEqual((1, 1), (results[0].Passes, results[1].Passes));
        Assert.IsGreaterThan(2, results[2].Passes);
        CollectionAssert.AreEqual(results[0].Bytes, results[1].Bytes);
        CollectionAssert.AreEqual(results[0].Bytes, results[2].Bytes);
    }

    [TestMethod]
    public void Options_that_do_not_go_together_are_refused()
    {
        var random = new CalibrationOptions { Random = 4 };
        var awq = new QuantizeOptions { Scheme = QuantizationScheme.Int4, Method = RoundingMethod.Awq, Calibration = random };
        Assert.AreEqual("", Errors(awq));
        Assert.AreEqual("method", Errors(awq with { Scheme = QuantizationScheme.Int8 }));
        Assert.AreEqual("low-rank", Errors(awq with { LowRank = 4 }));
        Assert.AreEqual("", Errors(awq with { LowRank = 4, Method = RoundingMethod.Gptq }));
        Assert.AreEqual("low-rank|form", Errors(new QuantizeOptions { Scheme = QuantizationScheme.Fp16, LowRank = 4, Form = WeightForm.Qdq }));
        Assert.AreEqual("accuracy-level", Errors(awq with { Form = WeightForm.Qdq, AccuracyLevel = 4 }));
        Assert.AreEqual("", Errors(awq with { Form = WeightForm.MatMulNBits, AccuracyLevel = 4 }));
    }

    private static string Errors(QuantizeOptions options)
    {
        var errors = new OptionErrors();
        ((IStage)new QuantizeStage()).Validate(options, errors);
        return string.Join('|', errors.Items.Select(item => item.Path));
    }

    /// <summary>Normalisations give some channels twenty times as much, as those of large language models do, and the layers behind answer with weights of a tenth.</summary>
    private static Model WithSalientChannels(string name)
    {
        var model = ClassicModels.Get(name).Build();
        var layers = Layers.Find(model.Graph).Where(layer => layer.Kind is LayerKind.MatMul or LayerKind.Gemm && MatrixLayers.Unfit(layer) is null);
        var scaling = new InputScaling(model);
        foreach (var group in HessianPlan.Passes(layers, HessianPlan.UsualBudget).SelectMany(pass => pass).Where(group => scaling.NeedsNodes(group.Inputs, group.Layers) is null).ToArray())
        {
            // Divided by a twentieth; of the twenty that the weights are divided by, two are given back.
            scaling.Apply(group.Inputs, group.Layers, Salient(group.Size, 0.05f));
            group.Layers.ForEach(layer => ChannelScaling.MultiplyRows(layer, Salient(group.Size, 2)));
        }

        return model;

        static float[] Salient(int channels, float factor) => [.. Enumerable.Range(0, channels).Select(channel => channel % 11 == 3 ? factor : 1)];
    }

    private static (JsonObject Metrics, int Passes) Quantize(
        Model model, BlockFormat format, ICalibrationInputs inputs, long budget = HessianPlan.UsualBudget, int threads = 0, int slabWeights = 1 << 23)
    {
        var rounding = new AwqRounding(model, format, new StageContext(), budget, threads, slabWeights);
        return (CalibratedRuns.Quantize(model, format, rounding, inputs, threads), rounding.Passes);
    }
}
