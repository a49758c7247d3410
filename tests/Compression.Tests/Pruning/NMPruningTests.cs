using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning;
using CompressTool.Onnx;
using static CompressTool.Compression.Tests.Pruning.PruneRunner;

namespace CompressTool.Compression.Tests.Pruning;

[TestClass]
public sealed class NMPruningTests
{
    public static IEnumerable<object[]> Cases =>
        from pattern in new[] { PrunePattern.TwoOfFour, PrunePattern.FourOfEight, PrunePattern.OneOfFour }
        from type in new[] { DataType.Float, DataType.Float16, DataType.BFloat16, DataType.Double }
        select new object[] { pattern, type };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Groups_run_along_the_input_channels_at_a_fixed_tap(PrunePattern pattern, DataType type)
    {
        for (var seed = 0; seed < 12; seed++)
        {
            var random = new Random(seed);
            long[] dims = [random.Next(1, 20), 8 * random.Next(1, 9), random.Next(1, 4), random.Next(1, 4)];
            var weight = Make(type, dims, Numbers(random, dims.Aggregate((a, b) => a * b)));
            var (before, expected) = (Elements(weight), Elements(weight));
            var taps = dims[2] * dims[3];
            Expect(pattern, expected, dims[1], (output, input, tap) => (((output * dims[1]) + input) * taps) + tap, dims[0], taps);
            using var model = ConvModel(weight);

            Run(model, NM(pattern));

            CollectionAssert.AreEqual(expected, Elements(model), $"seed {seed}, {weight}");
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Matrix_is_grouped_along_its_rows_or_columns(bool transposed)
    {
        var random = new Random(5);
        const int outputs = 700;
        const int inputs = 24;
        var builder = new GraphBuilder();
        var weight = builder.Weight("w.weight", Make(DataType.Float, transposed ? [outputs, inputs] : [inputs, outputs], Numbers(random, outputs * inputs)));
        builder.Add("Gemm", "gemm", [builder.Input, weight], Onnx.Attribute.Int("transB", transposed ? 1 : 0));
        var expected = Elements(weight.Initializer!);
        Expect(PrunePattern.TwoOfFour, expected, inputs, (output, input, _) => transposed ? (output * inputs) + input : (input * outputs) + output, outputs, 1);

        Run(builder.Model, NM(PrunePattern.TwoOfFour));

        CollectionAssert.AreEqual(expected, Elements(weight.Initializer!));
    }

    [TestMethod]
    public void Weight_behind_a_transpose_is_grouped_along_what_the_layer_sees()
    {
        var builder = new GraphBuilder();
        var weight = builder.Weight("w.weight", Tensor.Floats([2, 4], 1, 2, 3, 4, 8, 7, 6, 5));
        builder.MatMul("matmul", builder.Add("Transpose", "", [weight]));

        Run(builder.Model, NM(PrunePattern.TwoOfFour));

        CollectionAssert.AreEqual(new float[] { 0, 0, 3, 4, 8, 7, 0, 0 }, weight.Initializer!.ToFloats());
    }

    [TestMethod]
    public void Grouped_convolutions_never_mix_groups()
    {
        // Two groups of 4 inputs each: the weight holds one group's channels.
        using var conv = ConvModel(Tensor.Floats([2, 4, 1], 1, 2, 3, 4, 40, 30, 20, 10), groups: 2);
        // Transposed: the first axis holds the inputs of both groups, 4 each, one output channel per group.
        using var transposed = ConvModel(Tensor.Floats([8, 1, 1], 1, 2, 3, 4, 40, 30, 20, 10), groups: 2, op: "ConvTranspose");

        Run(conv, NM(PrunePattern.OneOfFour));
        Run(transposed, NM(PrunePattern.OneOfFour));

        CollectionAssert.AreEqual(new double[] { 0, 0, 0, 4, 40, 0, 0, 0 }, Elements(conv));
        CollectionAssert.AreEqual(new double[] { 0, 0, 0, 4, 40, 0, 0, 0 }, Elements(transposed));
    }

    [TestMethod]
    [DataRow("Conv", 8, 1, 8, "1 input channels per group are not divisible by 4")]
    [DataRow("Conv", 8, 6, 1, "6 input channels are not divisible by 4")]
    [DataRow("ConvTranspose", 8, 4, 4, "2 input channels per group are not divisible by 4")]
    public void Layers_that_do_not_fit_are_skipped_or_an_error_when_named(string op, int first, int second, int groups, string reason)
    {
        var builder = new GraphBuilder();
        builder.Conv("odd", builder.Weight("odd.weight", Ones(first, second, 3)), groups, op);
        builder.Conv("fits", builder.Weight("fits.weight", Ones(4, 4, 3)));
        var warnings = new List<string>();

        var error = Fail(builder.Model, NM(PrunePattern.TwoOfFour) with { Layers = new LayerSelector { Include = ["odd"] } });
        var metrics = Run(builder.Model, NM(PrunePattern.TwoOfFour), warnings);

        Assert.AreEqual(CompressionErrors.SelectedButUnchanged, error.Code);
        Assert.Contains(reason, error.Message);
        Assert.AreEqual(reason, metrics["skipped"]![0]!["reason"]!.GetValue<string>());
        Assert.AreEqual("fits", metrics["layers"]![0]!["name"]!.GetValue<string>());
        Assert.HasCount(1, warnings);
    }

    [TestMethod]
    public void Layer_whose_channels_a_reshape_mixes_is_skipped()
    {
        var builder = new GraphBuilder();
        var weight = builder.Weight("w.weight", Ones(2, 2, 3));
        builder.MatMul("matmul", builder.Add("Reshape", "", [weight, builder.Graph.AddInitializer("shape", Tensor.Int64s(4, 3))]));

        var error = Fail(builder.Model, NM(PrunePattern.TwoOfFour));

        Assert.AreEqual(CompressionErrors.NoEffect, error.Code);
        Assert.Contains("not an axis of the stored weight", error.Message);
    }

    [TestMethod]
    public void Equal_weights_keep_the_lower_index()
    {
        using var model = ModelOf(Tensor.Floats([8, 1], 1, -1, 1, -1, 2, 1, 1, 1));

        Run(model, NM(PrunePattern.TwoOfFour));

        CollectionAssert.AreEqual(new double[] { 1, -1, 0, 0, 2, 1, 0, 0 }, Elements(model));
    }

    [TestMethod]
    public void Mask_does_not_depend_on_positive_scaling()
    {
        var random = new Random(9);
        var numbers = Enumerable.Range(0, 64 * 9).Select(_ => random.NextDouble() - 0.5).ToArray();
        using var model = ConvModel(Make(DataType.Float, [8, 8, 3, 3], numbers));
        using var scaled = ConvModel(Make(DataType.Float, [8, 8, 3, 3], numbers.Select(x => x * 8)));

        Run(model, NM(PrunePattern.TwoOfFour));
        Run(scaled, NM(PrunePattern.TwoOfFour));

        CollectionAssert.AreEqual(Array.ConvertAll(Elements(model), x => x * 8), Elements(scaled));
        Assert.AreEqual(0.5, Elements(model).Count(x => x == 0) / (8 * 8 * 9.0));
    }

    [TestMethod]
    public void Metrics_count_zeros_that_were_there_before()
    {
        // The first group has three zeros and keeps them, the second loses two.
        using var model = ModelOf(Tensor.Floats([8, 1], 0, 0, 0, 5, 1, 2, 3, 4));

        var metrics = Run(model, NM(PrunePattern.TwoOfFour));

        Assert.AreEqual(3, metrics["zerosBefore"]!.GetValue<long>());
        Assert.AreEqual(5, metrics["zeros"]!.GetValue<long>());
    }

    [TestMethod]
    public void Pruning_again_changes_nothing_and_says_so()
    {
        using var model = ModelOf(Tensor.Floats([4, 1], 1, 2, 3, 4));
        Run(model, NM(PrunePattern.TwoOfFour));

        var error = Fail(model, NM(PrunePattern.TwoOfFour));

        Assert.AreEqual(CompressionErrors.NoEffect, error.Code);
        Assert.Contains("it has the pattern already", error.Message);
    }

    [TestMethod]
    public void Nan_is_an_error_that_names_the_layer()
    {
        using var model = ModelOf(Tensor.Floats([4, 1], 1, float.NaN, 3, 4));

        var error = Fail(model, NM(PrunePattern.TwoOfFour));

        Assert.AreEqual(CompressionErrors.UnsuitableModel, error.Code);
        Assert.Contains("1 weights of the layer 'a' are NaN", error.Message);
    }

    private static Tensor Ones(params long[] dims) => Make(DataType.Float, dims, Enumerable.Repeat(1.0, (int)dims.Aggregate((a, b) => a * b)));

    /// <summary>Zeroes what an N:M pattern takes away, group by group.</summary>
    private static void Expect(PrunePattern pattern, double[] weights, long inputs, Func<long, long, long, long> index, long outputs, long taps)
    {
        var (n, m) = pattern switch { PrunePattern.TwoOfFour => (2, 4), PrunePattern.FourOfEight => (4, 8), _ => (1, 4) };
        for (long output = 0; output < outputs; output++)
        {
            for (long tap = 0; tap < taps; tap++)
            {
                for (long group = 0; group < inputs; group += m)
                {
                    var members = Enumerable.Range(0, m).Select(member => index(output, group + member, tap));
                    foreach (var gone in members.OrderByDescending(member => Math.Abs(weights[member])).Skip(n).ToList())
                    {
                        weights[gone] = 0;
                    }
                }
            }
        }
    }
}
