using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning;
using CompressTool.Onnx;
using static CompressTool.Compression.Tests.Pruning.PruneRunner;

namespace CompressTool.Compression.Tests.Pruning;

[TestClass]
public sealed class MagnitudePruningTests
{
    [TestMethod]
    [DataRow(DataType.Float)]
    [DataRow(DataType.Double)]
    [DataRow(DataType.Float16)]
    [DataRow(DataType.BFloat16)]
    public void Local_pruning_equals_sorting(DataType type)
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            long[] dims = [random.Next(1, 40), random.Next(1, 400)];
            var before = Elements(Make(type, dims, Numbers(random, dims[0] * dims[1])));
            var sparsity = random.Next(1, 100) / 100.0;
            using var model = ModelOf(Make(type, dims, before));
            if (Expect([before], sparsity) is not { } expected)
            {
                Assert.AreEqual(CompressionErrors.NoEffect, Fail(model, Weights(sparsity)).Code);
                continue;
            }

            Run(model, Weights(sparsity));

            CollectionAssert.AreEqual(expected[0], Elements(model), $"seed {seed}");
        }
    }

    [TestMethod]
    [DataRow("float")]
    [DataRow("float16")]
    [DataRow("bfloat16")]
    [DataRow("double")]
    [DataRow("float float16")]
    [DataRow("bfloat16 float16")]
    [DataRow("float16 double float bfloat16")]
    public void Global_pruning_equals_sorting_all_weights(string types)
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            var tensors = Enumerable.Range(0, 5).Select(index =>
            {
                var names = types.Split(' ');
                long[] dims = [random.Next(1, 30), random.Next(1, 300)];
                return Make(Enum.Parse<DataType>(names[index % names.Length], ignoreCase: true), dims, Numbers(random, dims[0] * dims[1]));
            }).ToList();
            var sparsity = random.Next(20, 100) / 100.0;
            var expected = Expect([.. tensors.Select(Elements)], sparsity)!;
            using var model = ModelOf(tensors);

            Run(model, Weights(sparsity, PruneScope.Global));

            for (var layer = 0; layer < tensors.Count; layer++)
            {
                CollectionAssert.AreEqual(expected[layer], Elements(model, layer), $"seed {seed}, layer {layer}");
            }
        }
    }

    [TestMethod]
    [DataRow(5, 0.5, 2)] // 2.5 rounds to the even 2
    [DataRow(7, 0.5, 4)] // 3.5 rounds to the even 4
    [DataRow(10, 0.33, 3)]
    [DataRow(1000, 0.999, 999)]
    public void Equal_weights_are_zeroed_from_the_front_in_the_exact_number(int count, double sparsity, int zeros)
    {
        using var model = ModelOf(Make(DataType.Float, [1, count], Enumerable.Range(0, count).Select(index => index % 2 == 0 ? 0.5 : -0.5)));

        Run(model, Weights(sparsity));

        var after = Elements(model);
        Assert.AreEqual(zeros, after.TakeWhile(x => x == 0).Count());
        Assert.AreEqual(zeros, after.Count(x => x == 0));
    }

    [TestMethod]
    public void Ties_across_layers_are_zeroed_in_graph_order()
    {
        using var model = ModelOf(
            Tensor.Floats([1, 4], 1, 2, 1, 9), Tensor.Floats([1, 4], 1, 8, -1, 1), Tensor.Floats([1, 4], 1, 1, 7, 6));

        Run(model, Weights(4 / 12.0, PruneScope.Global));

        CollectionAssert.AreEqual(new double[] { 0, 2, 0, 9 }, Elements(model, 0));
        CollectionAssert.AreEqual(new double[] { 0, 8, 0, 1 }, Elements(model, 1));
        CollectionAssert.AreEqual(new double[] { 1, 1, 7, 6 }, Elements(model, 2));
    }

    [TestMethod]
    public void Ties_far_apart_are_counted_over_chunks()
    {
        // More than one chunk of every pass; the ties end in the middle of one.
        var elements = new float[1_500_000];
        var random = new Random(3);
        for (var index = 0; index < elements.Length; index++)
        {
            elements[index] = random.Next(3) - 1;
        }

        using var model = ModelOf(Tensor.Floats([1500, 1000], elements));
        var expected = Expect([Array.ConvertAll(elements, x => (double)x)], 0.7)![0];

        Run(model, Weights(0.7));

        Assert.IsTrue(expected.AsSpan().SequenceEqual(Elements(model)));
    }

    [TestMethod]
    [DataRow(PruneScope.Local)]
    [DataRow(PruneScope.Global)]
    public void Infinite_weights_are_the_last_to_go(PruneScope scope)
    {
        using var model = ModelOf(Tensor.Floats([1, 4], float.NegativeInfinity, 3, float.PositiveInfinity, float.MaxValue));

        Run(model, Weights(0.75, scope));

        CollectionAssert.AreEqual(new[] { 0, 0, double.PositiveInfinity, 0 }, Elements(model));
    }

    [TestMethod]
    [DataRow(PruneScope.Local, DataType.Float)]
    [DataRow(PruneScope.Global, DataType.Float)]
    [DataRow(PruneScope.Local, DataType.BFloat16)]
    [DataRow(PruneScope.Global, DataType.Float16)]
    [DataRow(PruneScope.Global, DataType.Double)]
    public void Nan_is_an_error_that_names_the_layer(PruneScope scope, DataType type)
    {
        using var model = ModelOf(Tensor.Floats([1, 2], 1, 2), Make(type, [2, 2], [1, double.NaN, 3, -double.NaN]));

        var error = Fail(model, Weights(0.5, scope));

        Assert.AreEqual(CompressionErrors.UnsuitableModel, error.Code);
        Assert.Contains("2 weights of the layer 'b' are NaN", error.Message);
    }

    [TestMethod]
    [DataRow(PruneScope.Local)]
    [DataRow(PruneScope.Global)]
    public void Pruning_again_changes_nothing_and_says_so(PruneScope scope)
    {
        using var model = ModelOf(Make(DataType.Float, [10, 10], Enumerable.Range(1, 100).Select(x => (double)x)));
        Run(model, Weights(0.5, scope));

        var error = Fail(model, Weights(0.5, scope));

        Assert.AreEqual(CompressionErrors.NoEffect, error.Code);
    }

    [TestMethod]
    public void Metrics_tell_the_sparsity_of_each_layer_and_of_all()
    {
        using var model = ModelOf(Tensor.Floats([2, 2], 0, 1, 2, 3), Tensor.Floats([1, 2], 0, 5), Tensor.Floats([1, 1], 7));
        var warnings = new List<string>();

        var metrics = Run(model, Weights(0.5), warnings);

        Assert.AreEqual(
            """
            {"weights":4,"zerosBefore":1,"zeros":2,"sparsityBefore":0.25,"sparsity":0.5,"layers":[{"name":"a","shape":[2,2],"sparsityBefore":0.25,"sparsity":0.5}],"skipped":[{"name":"b","reason":"50% of its weights are zero already"},{"name":"c","reason":"50% of its 1 weights is less than one"}]}
            """,
            metrics.ToJsonString());
        Assert.HasCount(1, warnings);
        Assert.StartsWith("CMP4101: 2 of 3 layers were skipped: b (50% of its weights are zero already), c", warnings[0]);
    }

    [TestMethod]
    public void Global_metrics_count_layers_that_keep_all_their_weights()
    {
        using var model = ModelOf(Tensor.Floats([1, 3], 1, 2, 3), Tensor.Floats([1, 3], 4, 5, 0));

        var metrics = Run(model, Weights(0.5, PruneScope.Global));

        Assert.AreEqual(
            """
            {"weights":6,"zerosBefore":1,"zeros":3,"sparsityBefore":0.16666666666666666,"sparsity":0.5,"layers":[{"name":"a","shape":[1,3],"sparsityBefore":0,"sparsity":0.6666666666666666},{"name":"b","shape":[1,3],"sparsityBefore":0.3333333333333333,"sparsity":0.3333333333333333}],"skipped":[]}
            """,
            metrics.ToJsonString());
    }

    [TestMethod]
    public void Only_selected_layers_change_and_a_named_one_must()
    {
        using var model = ModelOf(Tensor.Floats([1, 2], 1, 2), Tensor.Floats([1, 2], 0, 2), Tensor.Floats([1, 2], 1, 2));

        Run(model, Weights(0.5) with { Layers = new LayerSelector { Exclude = ["c"] } });
        var error = Fail(model, Weights(0.5) with { Layers = new LayerSelector { Include = ["*", "b"] } });

        CollectionAssert.AreEqual(new double[] { 0, 2 }, Elements(model, 0));
        CollectionAssert.AreEqual(new double[] { 1, 2 }, Elements(model, 2));
        Assert.AreEqual(CompressionErrors.SelectedButUnchanged, error.Code);
        Assert.AreEqual("layers.include[1]", error.OptionPath);
        Assert.Contains("'b'", error.Message);
    }

    [TestMethod]
    public void Without_layers_there_is_no_effect()
    {
        using var empty = ModelOf();
        using var excluded = ModelOf(Tensor.Floats([1, 2], 1, 2));

        Assert.AreEqual(CompressionErrors.NoEffect, Fail(empty, Weights(0.5)).Code);
        Assert.AreEqual(CompressionErrors.NoEffect, Fail(excluded, Weights(0.5) with { Layers = new LayerSelector { Exclude = ["*"] } }).Code);
    }

    [TestMethod]
    public void Weight_behind_a_transpose_and_a_shared_weight_are_pruned_once()
    {
        var builder = new GraphBuilder();
        var weight = builder.Weight("w.weight", Tensor.Floats([2, 2], 1, 2, 3, 4));
        builder.MatMul("first", builder.Add("Transpose", "", [weight]));
        builder.MatMul("second", weight);

        var metrics = Run(builder.Model, Weights(0.5));

        Assert.HasCount(1, metrics["layers"]!.AsArray());
        CollectionAssert.AreEqual(new float[] { 0, 0, 3, 4 }, weight.Initializer!.ToFloats());
    }

    [TestMethod]
    public void Cancelling_stops_the_stage()
    {
        using var model = ModelOf(Tensor.Floats([1, 2], 1, 2));

        Assert.ThrowsExactly<OperationCanceledException>(() => Run(model, Weights(0.5), cancellationToken: new CancellationToken(canceled: true)));
    }

    /// <summary>The tensors with the k smallest magnitudes zeroed by a stable sort; null when that changes nothing.</summary>
    private static double[][]? Expect(double[][] tensors, double sparsity)
    {
        var all = tensors.SelectMany(elements => elements).ToArray();
        var k = (int)Math.Round(sparsity * all.Length, MidpointRounding.ToEven);
        var zeroed = Enumerable.Range(0, all.Length).OrderBy(index => Math.Abs(all[index])).Take(k).ToList();
        if (zeroed.All(index => all[index] == 0))
        {
            return null;
        }

        foreach (var index in zeroed)
        {
            all[index] = 0;
        }

        return [.. tensors.Select(elements => all.AsSpan(tensors.TakeWhile(other => other != elements).Sum(other => other.Length), elements.Length).ToArray())];
    }
}
