using CompressTool.Onnx.Cost;
using CompressTool.Onnx.Tests.Inference;

namespace CompressTool.Onnx.Tests.Cost;

[TestClass]
public sealed class ModelCostTests
{
    [TestMethod]
    [DataRow("Conv", "[1,4,8,8]", "[6,4,3,3]", 1, 6 * 6 * 6 * 4 * 9)]
    [DataRow("Conv", "[1,4,8,8]", "[6,2,3,3]", 2, 6 * 6 * 6 * 2 * 9)]
    [DataRow("Conv", "[3,4,8]", "[6,4,3]", 1, 3 * 6 * 6 * 4 * 3)]
    [DataRow("ConvTranspose", "[1,4,8,8]", "[4,3,2,2]", 2, 4 * 8 * 8 * 3 * 4)]
    public void Convolutions_count_window_times_channels(string op, string x, string weight, int group, int macs)
    {
        using var model = Graph(op, x, Weight(weight), Attribute.Int("group", group));
        var cost = ModelCost.Measure(model);
        Assert.AreEqual(macs, cost.Macs);
        Assert.AreEqual(macs, cost.MacsWithAttention);
    }

    [TestMethod]
    public void Products_of_computed_values_count_as_attention_only()
    {
        using var model = Graph("MatMul", "[2,5,7]", Weight("[7,3]"));
        Assert.AreEqual(2 * 5 * 7 * 3, ModelCost.Measure(model).Macs);
        var product = model.Graph.Outputs[0];
        var turned = model.Graph.AddNode(null, "Transpose", "turned", [product], null, "", Attribute.Ints("perm", 0, 2, 1));
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "MatMul", "scores", [product, turned]));
        var cost = ModelCost.Measure(model);
        Assert.AreEqual(2 * 5 * 7 * 3, cost.Macs);
        Assert.AreEqual((2 * 5 * 7 * 3) + (2 * 5 * 3 * 5), cost.MacsWithAttention);
        Assert.AreEqual(cost.Nodes[1], new NodeCost(cost.Nodes[1].Node, 0, 2 * 5 * 3 * 5, 0, 0));
    }

    [TestMethod]
    public void Weights_may_pass_through_other_nodes_and_products_of_constants_are_free()
    {
        using var model = Graph("Identity", "[2,7]", null);
        var graph = model.Graph;
        var weight = graph.AddInitializer("weight", Weight("[3,7]"));
        var left = graph.AddInitializer("left", Weight("[7,2]"));
        var right = graph.AddInitializer("right", Weight("[2,3]"));
        var low = graph.AddNode(null, "MatMul", "low", [left, right]);
        var sum = graph.AddNode(null, "Add", "sum", [graph.AddNode(null, "Transpose", "turned", [weight]), low]);
        graph.Outputs.Add(graph.AddNode(null, "MatMul", "out", [graph.Inputs[0], sum]));
        var cost = ModelCost.Measure(model);
        Assert.AreEqual(2 * 7 * 3, cost.Macs);
        Assert.AreEqual(21 + 14 + 6, cost.Parameters);
        Assert.AreEqual(cost.Nodes.Single(), new NodeCost(graph.Nodes[^1], 2 * 7 * 3, 0, 41, 41 * 4));
    }

    [TestMethod]
    public void Gemm_counts_its_inner_size_and_no_bias()
    {
        using var model = Graph("Gemm", "[2,7]", Weight("[3,7]"), Attribute.Int("transB", 1));
        model.Graph.Nodes[0].AddInput(model.Graph.AddInitializer("bias", Weight("[3]")));
        var cost = ModelCost.Measure(model);
        Assert.AreEqual(2 * 7 * 3, cost.Macs);
        Assert.AreEqual(24, cost.Parameters);
        Assert.AreEqual(2, cost.Batch);
    }

    [TestMethod]
    public void Unknown_symbols_count_as_one_and_are_named()
    {
        using var model = Graph("MatMul", "[batch,tokens,7]", Weight("[7,3]"));
        var cost = ModelCost.Measure(model);
        Assert.AreEqual(7 * 3, cost.Macs);
        CollectionAssert.AreEqual(new[] { "batch", "tokens" }, cost.CountedAsOne.ToArray());
        cost = ModelCost.Measure(model, new Dictionary<string, long> { ["tokens"] = 5 });
        Assert.AreEqual(5 * 7 * 3, cost.Macs);
        CollectionAssert.AreEqual(new[] { "batch" }, cost.CountedAsOne.ToArray());
        Assert.AreEqual("float32[batch,tokens,7]", model.Graph.Inputs[0].Type!.ToString());
    }

    [TestMethod]
    public void Symbols_count_as_the_model_is_made_for()
    {
        using var model = Graph("MatMul", "[batch,tokens,7]", Weight("[7,3]"));
        UsualDims.Write(model, new Dictionary<string, long> { ["tokens"] = 9, ["height"] = 32 });

        Assert.AreEqual("tokens=9", model.Metadata.Single().Value, "Only what the model leaves open is kept.");
        var cost = ModelCost.Measure(model);
        Assert.AreEqual(9 * 7 * 3, cost.Macs);
        CollectionAssert.AreEqual(new[] { "batch" }, cost.CountedAsOne.ToArray());
        Assert.AreEqual(KeyValuePair.Create("tokens", 9L), cost.CountedAsUsual.Single());
        Assert.AreEqual(5 * 7 * 3, ModelCost.Measure(model, new Dictionary<string, long> { ["tokens"] = 5 }).Macs);

        model.Metadata[0] = new(model.Metadata[0].Key, "tokens=-1,x,tokens=a");
        Assert.IsEmpty(UsualDims.Of(model));
    }

    [TestMethod]
    public void Einsum_counts_all_labels_and_attention_its_two_products()
    {
        using var model = Graph("Einsum", "[2,5,7]", Weight("[7,3]"), Attribute.String("equation", "bsk,kn->bsn"));
        Assert.AreEqual(2 * 5 * 7 * 3, ModelCost.Measure(model).Macs);

        using var attention = Graph("Attention", "[2,4,5,6]", null);
        var query = attention.Graph.Inputs[0];
        attention.Graph.Nodes[0].AddInput(query);
        attention.Graph.Nodes[0].AddInput(query);
        var cost = ModelCost.Measure(attention);
        Assert.AreEqual(0, cost.Macs);
        Assert.AreEqual(2 * (2 * 4 * 5 * 5 * 6), cost.MacsWithAttention);
    }

    [TestMethod]
    public void Quantized_weights_count_as_the_weights_they_were()
    {
        using var model = Graph("Identity", "[2,64]", null);
        var graph = model.Graph;
        Value Bytes(string name, DataType type, params long[] dims) => graph.AddInitializer(name, new Tensor(type, dims, new MemoryData(new byte[type.ByteSize(dims.Aggregate(1L, (a, b) => a * b))])));
        var packed = graph.AddNode(null, "MatMulNBits", "packed", [graph.Inputs[0], Bytes("q4", DataType.UInt8, 32, 2, 16), Bytes("scales", DataType.Float, 64), Bytes("zeros", DataType.UInt8, 32)],
            null, "com.microsoft", Attribute.Int("K", 64), Attribute.Int("N", 32), Attribute.Int("bits", 4), Attribute.Int("block_size", 32));
        var dequantized = graph.AddNode(null, "DequantizeLinear", "w", [Bytes("q8", DataType.Int8, 32, 16), Bytes("scale", DataType.Float, 16), Bytes("zero", DataType.Int8, 16)], null, "", Attribute.Int("axis", 1));
        var second = graph.AddNode(null, "MatMul", "second", [packed, dequantized]);
        var quantized = new Node("DynamicQuantizeLinear", [second], [new Value("xq"), new Value("xs"), new Value("xz")], "dynamic");
        graph.Add(quantized);
        var integers = graph.AddNode(null, "MatMulInteger", "third", [quantized.Outputs[0], Bytes("q8b", DataType.Int8, 16, 8), quantized.Outputs[2], Bytes("zb", DataType.Int8)]);
        var scale = graph.AddNode(null, "Mul", "scales_mul", [quantized.Outputs[1], Bytes("sb", DataType.Float, 8)]);
        graph.Outputs.Add(graph.AddNode(null, "Mul", "out", [graph.AddNode(null, "Cast", "cast", [integers], null, "", Attribute.Int("to", 1)), scale]));
        var cost = ModelCost.Measure(model);
        CollectionAssert.AreEqual(new[] { ("q4", 2048L, 1024L), ("q8", 512L, 512L), ("q8b", 128L, 128L) }, cost.Weights.Select(weight => (weight.Value.Name, weight.Elements, weight.Bytes)).ToArray());
        Assert.AreEqual(2 * (2048 + 512 + 128), cost.Macs);
        Assert.AreEqual(1024 + 256 + 32 + 512 + 64 + 16 + 128 + 1 + 32, cost.Bytes);
    }

    [TestMethod]
    public void Settings_shapes_and_shared_bytes_are_no_parameters()
    {
        using var model = Graph("Identity", "[1,3,8,8]", null);
        var graph = model.Graph;
        var weight = Weight("[3,3,1,1]");
        var first = graph.AddNode(null, "Conv", "first", [graph.Inputs[0], graph.AddInitializer("w1", weight)]);
        var second = graph.AddNode(null, "Conv", "second", [first, graph.AddInitializer("w2", weight)]);
        var scaled = graph.AddNode(null, "Mul", "scaled", [second, graph.AddInitializer("half", Tensor.Float(0.5f))]);
        var resized = graph.AddNode(null, "Resize", "resized", [scaled, null, graph.AddInitializer("scales", Tensor.Floats([4], 1, 1, 2, 2))]);
        graph.Outputs.Add(graph.AddNode(null, "Reshape", "out", [resized, graph.AddInitializer("shape", Tensor.Int64s(1, -1))]));
        var cost = ModelCost.Measure(model);
        Assert.AreEqual(9, cost.Parameters);
        Assert.AreEqual("w1", cost.Weights.Single().Value.Name);
        Assert.AreEqual(36 + 4 + 16 + 16, cost.Bytes);
    }

    [TestMethod]
    public void Branches_loops_and_functions_count_what_is_inside()
    {
        using var model = Graph("Identity", "[2,4]", null);
        var graph = model.Graph;
        var x = graph.Inputs[0];
        var square = graph.AddInitializer("square", Weight("[4,4]"));
        Graph Body(int products, params Value[] inputs)
        {
            var body = new Graph();
            foreach (var input in inputs)
            {
                body.AddInput(input);
            }

            var value = inputs.Length > 2 ? inputs[2] : x;
            for (var index = 0; index < products; index++)
            {
                value = body.AddNode(null, "MatMul", $"product{index}", [value, square]);
            }

            body.Outputs.AddRange(inputs.Length > 2 ? [inputs[1], value] : [value]);
            return body;
        }

        var condition = new Value("condition", NodeUnderTest.ParseType("bool[]"));
        graph.AddInput(condition);
        var chosen = graph.AddNode(null, "If", "chosen", [condition], null, "", new Attribute("then_branch", AttributeKind.Graph, Body(1)), new Attribute("else_branch", AttributeKind.Graph, Body(3)));
        var loop = graph.AddNode(null, "Loop", "looped", [graph.AddInitializer("rounds", Tensor.Int64(5)), null, chosen], null, "",
            new Attribute("body", AttributeKind.Graph, Body(2, new Value("round"), new Value("go"), new Value("state"))));
        var function = new Function("org.example", "Twice");
        var (argument, matrix) = (new Value("argument"), new Value("matrix"));
        function.Body.AddInput(argument);
        function.Body.AddInput(matrix);
        function.OpsetImports[""] = 23;
        var once = function.Body.AddNode(null, "MatMul", "once", [argument, matrix]);
        function.Body.Outputs.Add(function.Body.AddNode(null, "MatMul", "twice", [once, matrix]));
        model.Functions.Add(function);
        graph.Outputs.Add(graph.AddNode(null, "Twice", "called", [loop, square], null, "org.example"));
        var cost = ModelCost.Measure(model);
        const int one = 2 * 4 * 4;
        CollectionAssert.AreEqual(new long[] { 3 * one, 5 * 2 * one, 2 * one }, cost.Nodes.Select(node => node.Macs).ToArray());
        Assert.AreEqual(cost.Macs, cost.MacsWithAttention);
        Assert.AreEqual(16, cost.Parameters);
    }

    [TestMethod]
    public void Zeros_are_counted_in_every_type()
    {
        using var model = Graph("Identity", "[2,3]", null);
        var graph = model.Graph;
        graph.AddInitializer("floats", Tensor.Floats([2, 3], 0, -0f, 1, float.Epsilon, 2, 0));
        graph.AddInitializer("halves", Tensor.Create<Half>(DataType.Float16, [3], [Half.Zero, Half.NegativeZero, Half.Epsilon]));
        graph.AddInitializer("upper", Tensor.Create<ushort>(DataType.BFloat16, [3], [0, 0x8000, 1]));
        graph.AddInitializer("doubles", Tensor.Create(DataType.Double, [2], [-0.0, 1e-300]));
        var sparsity = ModelCost.Measure(model).MeasureSparsity();
        CollectionAssert.AreEqual(new[] { 3L, 2, 2, 1 }, sparsity.Weights.Select(weight => weight.Zeros).ToArray());
        Assert.AreEqual(8.0 / 14, sparsity.Ratio);
    }

    [TestMethod]
    public void Quantized_zeros_are_elements_at_their_zero_point()
    {
        using var model = Graph("Identity", "[2,3]", null);
        var graph = model.Graph;
        var weight = graph.AddInitializer("q", Tensor.Create<sbyte>(DataType.Int8, [2, 3], [5, 0, 7, 5, 7, 7]));
        graph.AddNode(null, "DequantizeLinear", "w", [weight, graph.AddInitializer("s", Weight("[3]")), graph.AddInitializer("z", Tensor.Create<sbyte>(DataType.Int8, [3], [5, 0, 7]))], null, "", Attribute.Int("axis", 1));
        var unsigned = graph.AddInitializer("u", Tensor.Create<byte>(DataType.UInt8, [3, 2], [128, 0, 128, 1, 2, 3]));
        graph.AddNode(null, "MatMulInteger", "p", [graph.Inputs[0], unsigned, null, graph.AddInitializer("uz", Tensor.Create<byte>(DataType.UInt8, [], [128]))]);
        model.Graph.Inputs[0].Type = NodeUnderTest.ParseType("uint8[2,3]");
        var sparsity = ModelCost.Measure(model).MeasureSparsity();
        CollectionAssert.AreEqual(new[] { ("q", 5L), ("u", 2L) }, sparsity.Weights.Select(item => (item.Value.Name, item.Zeros)).ToArray());
    }

    [TestMethod]
    public void Sparsity_of_weights_in_files_is_streamed()
    {
        using var folder = new TempFolder();
        using var model = Graph("MatMul", "[2,1000]", Sparse(1000, 1000));
        model.Save(folder.File("model.onnx"), new SaveOptions { ExternalData = ExternalDataMode.Always });
        using var again = Onnx.Model.Load(folder.File("model.onnx"));
        var sparsity = ModelCost.Measure(again).MeasureSparsity();
        Assert.AreEqual(1_000_000, sparsity.Elements);
        Assert.AreEqual(750_000, sparsity.Zeros);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.ThrowsExactly<OperationCanceledException>(() => ModelCost.Measure(again).MeasureSparsity(cancelled.Token));
    }

    private static Tensor Sparse(int rows, int columns) => Tensor.Floats([rows, columns], [.. Enumerable.Range(0, rows * columns).Select(index => index % 4 == 0 ? 1f : 0)]);

    private static Tensor Weight(string shape)
    {
        var dims = NodeUnderTest.ParseShape(shape).ToArray()!;
        return Tensor.Floats(dims, [.. Enumerable.Repeat(1f, (int)dims.Aggregate(1L, (a, b) => a * b))]);
    }

    /// <summary>One node with an input and perhaps a weight; its output is the graph's.</summary>
    private static Model Graph(string op, string input, Tensor? weight, params Attribute[] attributes)
    {
        var model = new Model();
        model.OpsetImports[""] = 23;
        model.OpsetImports["com.microsoft"] = 1;
        var x = new Value("x", NodeUnderTest.ParseType("float32" + input));
        model.Graph.AddInput(x);
        model.Graph.Outputs.Add(model.Graph.AddNode(null, op, "node", weight is null ? [x] : [x, model.Graph.AddInitializer("weight", weight)], null, "", attributes));
        return model;
    }
}
