using CompressTool.Compression.Options;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.WeightOnly;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization;

[TestClass]
public sealed class WeightOnlyTests
{
    [TestMethod]
    [DataRow(4, 32, true)]
    [DataRow(4, 16, false)]
    [DataRow(4, 128, false)]
    [DataRow(8, 32, true)]
    [DataRow(8, 64, false)]
    public void The_runtime_computes_what_the_decoded_weights_give(int bits, int blockSize, bool symmetric)
    {
        // 70 input channels: the last block is partly filled, and 5 blocks of 16 leave half a byte of zero points unused.
        var weight = RandomFloats(70 * 48, seed: 1, offset: 0.2f);
        var input = RandomFloats(6 * 70, seed: 2);
        var (model, graph) = Linear(Tensor.Floats([70, 48], weight));
        Run(model, bits, blockSize, symmetric, accuracyLevel: 1);

        var node = graph.Nodes.Single();
        Assert.AreEqual(("MatMulNBits", "com.microsoft"), (node.OpType, node.Domain));
        Assert.AreEqual(1, model.OpsetImports["com.microsoft"]);
        Assert.AreEqual(symmetric ? 3 : 4, node.Inputs.Count);
        var decoded = Decode(node);
        for (var k = 0; k < 70; k++)
        {
            for (var n = 0; n < 48; n++)
            {
                Assert.AreEqual(weight[(k * 48) + n], decoded[n][k], symmetric ? 1.2f / (1 << (bits - 1)) : 1.2f / (1 << bits));
            }
        }

        var output = ModelRunner.Run(model.ToBytes(), new Dictionary<string, Tensor> { ["x"] = Tensor.Floats([2, 3, 70], input) })["y"];
        CollectionAssert.AreEqual(new long[] { 2, 3, 48 }, output.Dims.ToArray());
        var actual = output.ToFloats();
        for (var row = 0; row < 6; row++)
        {
            for (var n = 0; n < 48; n++)
            {
                double expected = 0;
                for (var k = 0; k < 70; k++)
                {
                    expected += (double)input[(row * 70) + k] * decoded[n][k];
                }

                Assert.AreEqual(expected, actual[(row * 48) + n], 1e-4);
            }
        }
    }

    [TestMethod]
    public void Gemm_with_a_transposed_weight_becomes_a_product_and_an_addition()
    {
        var weight = RandomFloats(40 * 64, seed: 3);
        var bias = RandomFloats(40, seed: 4);
        var (model, graph) = Empty();
        var x = Input(graph, 3, 64);
        var w = graph.AddInitializer("fc.weight", Tensor.Floats([40, 64], weight));
        var b = graph.AddInitializer("fc.bias", Tensor.Floats([40], bias));
        var y = new Value("y", new TensorType(DataType.Float, new Shape(3, 40)));
        graph.Add(new Node("Gemm", [x, w, b], [y], "/fc/Gemm", "", Attribute.Int("transB", 1), Attribute.Float("alpha", 1), Attribute.Float("beta", 1)));
        graph.Outputs.Add(y);
        var input = Tensor.Floats([3, 64], RandomFloats(3 * 64, seed: 5));
        var before = ModelRunner.Run(model.ToBytes(), new Dictionary<string, Tensor> { ["x"] = input })["y"];

        Run(model, 8);

        CollectionAssert.AreEqual(new[] { "MatMulNBits", "Add" }, graph.Nodes.Select(node => node.OpType).ToArray());
        CollectionAssert.AreEqual(new[] { "fc.bias", "fc.weight_Q8", "fc.weight_scales" }, graph.Initializers.Select(value => value.Name).ToArray());
        CollectionAssert.AreEqual(new[] { "K", "N", "bits", "block_size", "accuracy_level" }, graph.Nodes[0].Attributes.Select(attribute => attribute.Name).ToArray());
        var after = ModelRunner.Run(model.ToBytes(), new Dictionary<string, Tensor> { ["x"] = input })["y"];
        Assert.IsGreaterThan(35, ModelRunner.SnrDb(before, after));
    }

    [TestMethod]
    public void A_weight_behind_a_transpose_is_stored_once_for_all_its_nodes()
    {
        var (model, graph) = Empty();
        var x = Input(graph, 3, 64);
        var w = graph.AddInitializer("fc.weight", Tensor.Floats([40, 64], RandomFloats(40 * 64, seed: 3)));
        var transposed = graph.AddNode(null, "Transpose", "t", [w], null, "", Attribute.Ints("perm", 1, 0));
        graph.Outputs.Add(graph.AddNode(null, "MatMul", "a", [x, transposed]));
        graph.Outputs.Add(graph.AddNode(null, "MatMul", "b", [x, transposed]));

        Run(model, 4);

        CollectionAssert.AreEqual(new[] { "MatMulNBits", "MatMulNBits" }, graph.Nodes.Select(node => node.OpType).ToArray());
        Assert.HasCount(2, graph.Initializers);
        Assert.AreSame(graph.Nodes[0].Input(1), graph.Nodes[1].Input(1));
        CollectionAssert.AreEqual(new long[] { 40, 2, 16 }, graph.Initializers[0].Initializer!.Dims.ToArray());
    }

    [TestMethod]
    public void Float16_weights_get_float16_scales()
    {
        var weight = Array.ConvertAll(RandomFloats(64 * 32, seed: 6), x => (Half)x);
        var (model, graph) = Linear(Tensor.Create<Half>(DataType.Float16, [64, 32], weight));
        Run(model, 4);
        Assert.AreEqual(DataType.Float16, graph.Initializers[1].Initializer!.Type);
        var decoded = Decode(graph.Nodes[0]);
        Assert.IsLessThan(0.15, Enumerable.Range(0, weight.Length).Max(i => Math.Abs((float)weight[i] - decoded[i % 32][i / 32])));
    }

    [TestMethod]
    [DataRow(4, true)]
    [DataRow(4, false)]
    [DataRow(8, false)]
    public void Pruned_weights_stay_exactly_zero(int bits, bool symmetric)
    {
        var weight = RandomFloats(70 * 32, seed: 10, offset: 0.3f);
        for (var index = 0; index < weight.Length; index += 3)
        {
            weight[index] = 0;
        }

        var (model, graph) = Linear(Tensor.Floats([70, 32], weight));
        Run(model, bits, symmetric: symmetric);
        var decoded = Decode(graph.Nodes[0]);
        Assert.IsTrue(Enumerable.Range(0, weight.Length).Where(index => index % 3 == 0).All(index => decoded[index % 32][index / 32] == 0));
    }

    [TestMethod]
    public void The_number_of_threads_does_not_change_a_bit()
    {
        var weight = Tensor.Floats([600, 333], RandomFloats(600 * 333, seed: 7));
        var (one, two) = (Linear(weight).Model, Linear(weight).Model);
        var metricsOne = Run(one, 4, 32, symmetric: false, threads: 1);
        var metricsTwo = Run(two, 4, 32, symmetric: false, threads: 2);
        CollectionAssert.AreEqual(one.ToBytes(), two.ToBytes());
        Assert.AreEqual(metricsOne.ToJsonString(), metricsTwo.ToJsonString());
        CollectionAssert.AreEqual(one.ToBytes(), one.ToBytes());
    }

    [TestMethod]
    public void Layers_that_do_not_fit_are_skipped_with_their_reason()
    {
        var (model, graph) = Linear(Tensor.Floats([64, 32], RandomFloats(64 * 32, seed: 8)));
        var x = graph.Inputs[0];
        var infinite = RandomFloats(64 * 32, seed: 8);
        infinite[77] = float.PositiveInfinity;
        graph.Outputs.Add(graph.AddNode(null, "MatMul", "a", [x, graph.AddInitializer("infinite.weight", Tensor.Floats([64, 32], infinite))]));
        graph.Outputs.Add(graph.AddNode(null, "MatMul", "b", [graph.AddInitializer("left.weight", Tensor.Floats([64, 64], RandomFloats(64 * 64, seed: 9))), x]));
        graph.Outputs.Add(graph.AddNode(null, "Gemm", "c", [x, graph.AddInitializer("scaled.weight", Tensor.Floats([64, 32], RandomFloats(64 * 32, seed: 9)))], null, "", Attribute.Float("alpha", 2)));
        graph.Outputs.Add(graph.AddNode(null, "MatMul", "d", [x, graph.AddInitializer("batch.weight", Tensor.Floats([2, 64, 32], RandomFloats(2 * 64 * 32, seed: 9)))]));
        var vector = new Value("vector", new TensorType(DataType.Float, new Shape(64)));
        graph.AddInput(vector);
        graph.Outputs.Add(graph.AddNode(null, "MatMul", "e", [vector, graph.AddInitializer("vector.weight", Tensor.Floats([64, 32], RandomFloats(64 * 32, seed: 9)))]));
        List<string> warnings = [];
        var metrics = Run(model, 4, warn: warnings);
        StringAssert.Contains(warnings.Single(), "5 of 6");
        var skipped = metrics["skipped"]!.AsArray().ToDictionary(item => (string)item!["name"]!, item => (string)item!["reason"]!);
        StringAssert.Contains(skipped["infinite"], "not a number");
        StringAssert.Contains(skipped["left"], "left operand");
        StringAssert.Contains(skipped["scaled"], "alpha");
        StringAssert.Contains(skipped["batch"], "[2,64,32]");
        StringAssert.Contains(skipped["vector"], "vector");
        CollectionAssert.AreEqual(new[] { "infinite", "left", "scaled", "batch", "vector" }, metrics["unchanged"]!.AsArray().Select(item => (string)item!).ToArray());
    }

    [TestMethod]
    public void A_layer_that_would_grow_is_skipped()
    {
        var (model, _) = Linear(Tensor.Floats([4, 64], RandomFloats(256, seed: 1)));
        var error = Assert.ThrowsExactly<CompressToolException>(() => Run(model, 8));
        Assert.AreEqual(CompressionErrors.NoEffect, error.Code);
        StringAssert.Contains(error.Message, "smaller");
    }

    [TestMethod]
    public void A_model_of_convolutions_is_refused_with_the_way_out()
    {
        var builder = new GraphBuilder();
        builder.Conv("conv", builder.Weight("conv.weight", 8, 8, 1, 1));
        var error = Assert.ThrowsExactly<CompressToolException>(() => Run(builder.Model, 8));
        Assert.AreEqual(CompressionErrors.NoEffect, error.Code);
        StringAssert.Contains(error.Message, "fp16 or int8-dynamic");
    }

    [TestMethod]
    public void A_convolution_that_the_recipe_names_is_an_error()
    {
        var builder = new GraphBuilder();
        builder.Conv("conv", builder.Weight("conv.weight", 8, 8, 1, 1));
        builder.MatMul("fc", builder.Weight("fc.weight", 64, 64));
        var error = Assert.ThrowsExactly<CompressToolException>(() => Run(builder.Model, 8, selector: new LayerSelector { Include = ["fc", "conv"] }));
        Assert.AreEqual(CompressionErrors.SelectedButUnchanged, error.Code);
        Assert.AreEqual("layers.include[1]", error.OptionPath);
    }

    private static System.Text.Json.Nodes.JsonObject Run(Model model, int bits, int blockSize = 32, bool symmetric = true, int accuracyLevel = 4, int threads = 0, LayerSelector? selector = null, List<string>? warn = null) =>
        LayerQuantization.Run(
            model,
            LayerSelection.Select(Layers.Find(model.Graph), selector ?? new LayerSelector()),
            new BlockwiseScheme(model, new BlockFormat(bits, blockSize, symmetric), accuracyLevel, threads),
            new StageContext { Warn = (_, message, _) => warn?.Add(message) });

    private static (Model Model, Graph Graph) Empty()
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        return (model, model.Graph);
    }

    private static (Model Model, Graph Graph) Linear(Tensor weight)
    {
        var (model, graph) = Empty();
        var x = new Value("x", new TensorType(weight.Type, new Shape(new Dim("batch"), new Dim("tokens"), weight.Dims[0])));
        graph.AddInput(x);
        var y = new Value("y", new TensorType(weight.Type, new Shape(new Dim("batch"), new Dim("tokens"), weight.Dims[1])));
        graph.Add(new Node("MatMul", [x, graph.AddInitializer("fc.weight", weight)], [y], "/fc/MatMul"));
        graph.Outputs.Add(y);
        return (model, graph);
    }

    private static Value Input(Graph graph, params long[] dims)
    {
        var value = new Value("x", new TensorType(DataType.Float, Shape.Of(dims)));
        graph.AddInput(value);
        return value;
    }

    /// <summary>The weight of a MatMulNBits node, by column, as the operator's documentation says.</summary>
    internal static float[][] Decode(Node node)
    {
        var (k, n, bits, size) = ((int)node.GetInt("K", 0), (int)node.GetInt("N", 0), (int)node.GetInt("bits", 0), (int)node.GetInt("block_size", 0));
        var codes = node.Input(1)!.Initializer!.ToArray<byte>();
        var scales = node.Input(2)!.Initializer!.ToFloats();
        var zeroPoints = node.Input(3)?.Initializer?.ToArray<byte>();
        var blocks = (k + size - 1) / size;
        var zeroPointRow = ((blocks * bits) + 7) / 8;
        int Code(byte[] bytes, int start, int index) => bits == 8 ? bytes[start + index] : (bytes[start + (index / 2)] >> (4 * (index % 2))) & 0xF;
        var result = new float[n][];
        for (var column = 0; column < n; column++)
        {
            result[column] = new float[k];
            for (var row = 0; row < k; row++)
            {
                var block = row / size;
                var code = Code(codes, ((column * blocks) + block) * size * bits / 8, row % size);
                var zero = zeroPoints is null ? 1 << (bits - 1) : Code(zeroPoints, column * zeroPointRow, block);
                result[column][row] = (code - zero) * scales[(column * blocks) + block];
            }
        }

        return result;
    }

    private static float[] RandomFloats(int count, int seed, float offset = 0)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1 + offset)];
    }
}
