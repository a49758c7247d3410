using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Quantization.WeightOnly;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>The method gptq of the schemes int4 and int8-weights.</summary>
[TestClass]
public sealed class GptqRoundingTests
{
    public required TestContext TestContext { get; init; }

    [TestMethod]
    [DataRow("vit/dynamic", QuantizationScheme.Int4, true, 0.5)]
    [DataRow("vit/dynamic", QuantizationScheme.Int4, false, 0.5)]
    [DataRow("gpt2/dynamic", QuantizationScheme.Int4, true, 0.5)]
    [DataRow("gpt2/dynamic", QuantizationScheme.Int8Weights, true, 0.5)]
    public void Outputs_for_inputs_not_seen_are_nearer_than_with_nearest_codes(string name, QuantizationScheme scheme, bool symmetric, double leastGainDb) =>
        Compare(ClassicModels.Get(name).Build, scheme, symmetric, new CalibrationOptions { Random = 96, Batch = 8 }, new CalibrationOptions { Random = 32, Batch = 8 }, leastGainDb);

    [TestMethod]
    public void A_diffusion_model_is_nearer_at_the_timesteps_of_its_sampler()
    {
        var samples = new CalibrationSampleOptions { Count = 4, Batch = 4, Steps = 5, Seed = 3 };
        Compare(
            () => Model.Load(Repository.Fixture("unet2d", "model_op17_dynbatch.onnx")),
            QuantizationScheme.Int4,
            true,
            new CalibrationOptions { Samples = samples },
            new CalibrationOptions { Samples = samples with { Count = 2, Seed = 4 } },
            0.5);
    }

    [TestMethod]
    [DataRow(4, true)]
    [DataRow(4, false)]
    [DataRow(8, false)]
    public void The_runtime_computes_with_the_weights_of_the_core(int bits, bool symmetric)
    {
        // 70 input channels: the last block is partly filled, and 3 blocks leave half a byte of zero points unused.
        const int K = 70, N = 48;
        var format = new BlockFormat(bits, 32, symmetric);
        var weight = RandomTensors.Normal("weight", 0.1f, 1, N, K);
        var transposed = Transpose(weight.ToFloats(), N, K);
        var inputs = new FixedInputs(3, 40, K);
        var hessian = new Hessian(K);
        inputs.Rows.ForEach(rows => hessian.Add(rows.ToFloats()));
        var (h, grid) = (hessian.Complete(), new BlockGrid(K, N, format, false));
        var expected = Gptq.Quantize(transposed, N, h, grid, new GptqOptions()).Weights;
        CoordinateDescent.Improve(transposed, expected, N, h, grid);

        using var model = LinearModel.Gemm(weight);
        var rounding = Quantize(model, format, inputs, HessianPlan.UsualBudget);

        Assert.AreEqual(1, rounding.Passes);
        var node = model.Graph.Nodes.Single(node => node.OpType == "MatMulNBits");
        var decoded = WeightOnlyTests.Decode(node);
        for (var place = 0; place < expected.Length; place++)
        {
            Assert.AreEqual(expected[place], decoded[place % N][place / N], 1e-5f);
        }

        var output = ModelRunner.Run(model.ToBytes(), new Dictionary<string, Tensor> { ["x"] = inputs.Rows[0] })["y"].ToFloats();
        var rows = inputs.Rows[0].ToFloats();
        for (var row = 0; row < 40; row++)
        {
            for (var column = 0; column < N; column++)
            {
                var sum = Enumerable.Range(0, K).Sum(k => (double)rows[(row * K) + k] * expected[(k * N) + column]);
                Assert.AreEqual(sum, output[(row * N) + column], 1e-4);
            }
        }
    }

    [TestMethod]
    public void Neither_threads_nor_passes_nor_slabs_change_a_bit()
    {
        var results = new List<(byte[] Bytes, int Passes)>();
        foreach (var (threads, budget, slab) in new[] { (1, HessianPlan.UsualBudget, 1 << 25), (2, HessianPlan.UsualBudget, 1), (2, 192L * 192 * 8, 1 << 25) })
        {
            using var model = ClassicModels.Get("vit/static").Build();
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
    public void Layers_that_cannot_gain_take_nearest_codes_and_say_why()
    {
        // Whole numbers from -8 to 7 are their own codes: there is no error to make good.
        var exact = Enumerable.Range(0, 48 * 64).Select(place => (float)((place % 16) - 8)).ToArray();
        using var model = LinearModel.Gemm(Tensor.Floats([48, 64], exact));
        var inputs = new FixedInputs(1, 100, 64);
        Assert.AreEqual("nearest: nearest codes are no worse", Method(inputs, HessianPlan.UsualBudget));
        Assert.AreEqual("nearest: it has 64 input channels, more than the 63 whose Hessian fits into memory", Method(inputs, (64 * 64 * 8) - 1));

        using var usual = LinearModel.Gemm(RandomTensors.Normal("weight", 0, 1, 48, 64));
        Assert.AreEqual("nearest: nearest codes are no worse", Method(new FixedInputs(1, 100, 64, factor: 0), HessianPlan.UsualBudget, usual));
        Assert.AreEqual("nearest: some of its inputs are infinite or not numbers", Method(new FixedInputs(1, 100, 64, factor: float.NaN), HessianPlan.UsualBudget, usual));
        Assert.AreEqual("nearest: it had no inputs", Method(new FixedInputs(1, 0, 64), HessianPlan.UsualBudget, usual));

        string Method(ICalibrationInputs inputs, long budget, Model? other = null)
        {
            var watched = other ?? model;
            var rounding = new GptqRounding(watched, new BlockFormat(4, 32, true), new StageContext(), budget);
            var layer = Layers.Find(watched.Graph).Single();
            rounding.Run([layer], inputs, 1);
            Assert.IsNull(rounding.Find(layer, default));
            var metrics = new System.Text.Json.Nodes.JsonObject();
            rounding.Describe(layer, metrics);
            return $"{metrics["method"]}: {metrics["reason"]}";
        }
    }

    [TestMethod]
    public void Options_that_nobody_reads_are_refused()
    {
        var random = new CalibrationOptions { Random = 4 };
        Assert.AreEqual("", Errors(new QuantizeOptions { Scheme = QuantizationScheme.Int4, Method = RoundingMethod.Gptq, Calibration = random }));
        Assert.AreEqual("", Errors(new QuantizeOptions { Scheme = QuantizationScheme.Int8Weights, Method = RoundingMethod.Gptq }));
        Assert.AreEqual("calibration", Errors(new QuantizeOptions { Scheme = QuantizationScheme.Int4, Calibration = random }));
        Assert.AreEqual("calibration", Errors(new QuantizeOptions { Scheme = QuantizationScheme.Int4, Method = RoundingMethod.Nearest, Calibration = random }));
        Assert.AreEqual("method", Errors(new QuantizeOptions { Scheme = QuantizationScheme.Int8, Method = RoundingMethod.Gptq, Calibration = random }));
        Assert.AreEqual("method|calibration", Errors(new QuantizeOptions { Scheme = QuantizationScheme.Bf16, Method = RoundingMethod.Gptq, Calibration = random }));
        Assert.AreEqual("between|keep-ends", Errors(new QuantizeOptions { Scheme = QuantizationScheme.Int4, Method = RoundingMethod.Gptq, Between = true, KeepEnds = true }));
        Assert.AreEqual("calibration.method|calibration.percentile", Errors(new QuantizeOptions
        {
            Scheme = QuantizationScheme.Int4,
            Method = RoundingMethod.Gptq,
            Calibration = random with { Method = CalibrationMethod.Percentile, Percentile = 99 },
        }));
    }

    [TestMethod]
    public void A_model_that_cannot_draw_samples_needs_data()
    {
        using var model = ClassicModels.Get("vit/static").Build();
        var options = new QuantizeOptions { Scheme = QuantizationScheme.Int4, Method = RoundingMethod.Gptq };
        var error = Assert.ThrowsExactly<CompressToolException>(() => new QuantizeStage().Run(model, (object)options, new StageContext()));
        Assert.AreEqual((CompressionErrors.UnsuitableModel, "calibration"), (error.Code, error.OptionPath));
    }

    private void Compare(Func<Model> load, QuantizationScheme scheme, bool symmetric, CalibrationOptions calibration, CalibrationOptions other, double leastGainDb)
    {
        using var model = load();
        using var inputs = CalibrationSource.Open(model, other, new StageContext { Seed = 99 });
        var snr = new List<double>();
        foreach (var method in new[] { RoundingMethod.Nearest, RoundingMethod.Gptq, RoundingMethod.Awq })
        {
            using var quantized = load();
            var options = new QuantizeOptions { Scheme = scheme, Symmetric = symmetric, AccuracyLevel = 1, Method = method, Calibration = method == RoundingMethod.Nearest ? null : calibration };
            var metrics = new QuantizeStage().Run(quantized, (object)options, new StageContext { Seed = 1 }).Metrics;
            snr.Add(OutputNoise.SnrDb(model, quantized, inputs));
            if (method != RoundingMethod.Nearest)
            {
                var layers = metrics["layers"]!.AsArray();
                var errors = layers.Select(layer => (double?)layer!["outputErrorToNearest"] ?? 1).ToArray();
                TestContext.WriteLine($"{layers.Count} layers, {layers.Count(layer => (string)layer!["method"]! != "nearest")} by {method}, error of outputs {errors.Average():F3} of nearest, {metrics["calibrationRuns"]} runs");
                Assert.IsTrue(method == RoundingMethod.Awq || errors.All(error => error <= 1));
            }
        }

        TestContext.WriteLine($"nearest {snr[0]:F2} dB, gptq {snr[1]:F2} dB, awq {snr[2]:F2} dB");
        Assert.IsGreaterThan(snr[0] + leastGainDb, snr[1]);
        Assert.IsGreaterThan(snr[0], snr[2]);
    }

    private static GptqRounding Quantize(Model model, BlockFormat format, ICalibrationInputs inputs, long budget, int threads = 0, int slabWeights = 1 << 25)
    {
        var rounding = new GptqRounding(model, format, new StageContext(), budget, threads, slabWeights);
        CalibratedRuns.Quantize(model, format, rounding, inputs, threads);
        return rounding;
    }

    private static string Errors(QuantizeOptions options)
    {
        var errors = new OptionErrors();
        ((IStage)new QuantizeStage()).Validate(options, errors);
        return string.Join('|', errors.Items.Select(item => item.Path));
    }

    private static float[] Transpose(float[] matrix, int rows, int columns)
    {
        var result = new float[matrix.Length];
        for (var place = 0; place < matrix.Length; place++)
        {
            result[(place % columns * rows) + (place / columns)] = matrix[place];
        }

        return result;
    }
}
