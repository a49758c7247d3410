using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization;

[TestClass]
public sealed class Float16Tests : IDisposable
{
    private readonly Model _model = new();

    public Float16Tests() => _model.OpsetImports[""] = 17;

    public void Dispose() => _model.Dispose();

    private Graph Graph => _model.Graph;

    [TestMethod]
    public void Inputs_and_outputs_stay_float32_and_the_inside_becomes_float16()
    {
        var x = Input("x", 2, 3);
        var w = Weight("w", 3, 4);
        Output("y", Node("Relu", "relu", Node("MatMul", "mm", x, w)));
        w.Type = new TensorType(DataType.Float, new Shape(3, 4));
        var before = Run();

        var metrics = Quantize();

        CollectionAssert.AreEqual(new[] { "Cast", "MatMul", "Relu", "Cast" }, Operators());
        Assert.AreEqual(("x", DataType.Float), (Graph.Inputs[0].Name, Graph.Inputs[0].ElementType));
        Assert.AreEqual(("y", DataType.Float), (Graph.Outputs[0].Name, Graph.Outputs[0].ElementType));
        Assert.AreEqual(DataType.Float16, w.Initializer!.Type);
        Assert.AreEqual(2, (int)metrics["float16Nodes"]!);
        Assert.AreEqual(48, (long)metrics["weightBytesBefore"]!);
        Assert.IsGreaterThan(50, ModelRunner.SnrDb(before, Run()));
    }

    [TestMethod]
    public void Inputs_and_outputs_can_become_float16()
    {
        Output("y", Node("MatMul", "mm", Input("x", 2, 3), Weight("w", 3, 4)));
        var before = Run();
        Quantize(new QuantizeOptions { KeepIoTypes = false });
        CollectionAssert.AreEqual(new[] { "MatMul" }, Operators());
        Assert.AreEqual(DataType.Float16, Graph.Inputs[0].ElementType);
        Assert.AreEqual(DataType.Float16, Graph.Outputs[0].ElementType);
        Assert.IsGreaterThan(50, ModelRunner.SnrDb(before, Run()));
    }

    [TestMethod]
    public void Operators_without_float16_get_one_cast_per_value()
    {
        // CumSum stays in float32. Its input goes to two such nodes and a float16 one, its output to three float16 ones.
        var x = Node("Relu", "first", Input("x", 2, 4));
        var axis = Graph.AddInitializer("axis", Tensor.Int64(1));
        var sum = Node("CumSum", "sum", x, axis);
        var other = Node("CumSum", "other", x, axis);
        Output("a", Node("Neg", "a", sum));
        Output("b", Node("Abs", "b", sum));
        Output("c", Node("Add", "c", sum, Node("Add", "d", x, other)));
        var before = Run("c");

        var metrics = Quantize();

        Assert.AreEqual("""{"CumSum":2}""", metrics["float32Nodes"]!.ToJsonString());
        Assert.AreSame(Find("sum").Input(0), Find("other").Input(0));
        Assert.AreEqual("Cast", Find("sum").Input(0)!.Producer!.OpType);
        Assert.AreSame(Find("a").Input(0), Find("b").Input(0));
        Assert.AreEqual(1 + 1 + 2 + 3, (int)metrics["castsAdded"]!); // The input, x, the two sums, three outputs.
        Assert.IsGreaterThan(50, ModelRunner.SnrDb(before, Run("c")));
    }

    [TestMethod]
    public void Constants_that_both_types_need_are_stored_twice_and_others_stay_shared()
    {
        var x = Input("x", 2, 4);
        var shared = Weight("shared", 4);
        var both = Weight("both", 4);
        var sum = Node("Max", "max", Node("Add", "a", Node("Add", "b", x, shared), shared), both);
        Output("y", Node("Add", "c", sum, both));
        var before = Run();
        Quantize();
        CollectionAssert.AreEqual(new[] { "both", "both_fp32", "shared" }, Graph.Initializers.Select(value => value.Name).Order().ToArray());
        Assert.AreEqual(DataType.Float16, shared.Initializer!.Type);
        Assert.AreSame(Find("a").Input(1), Find("b").Input(1));
        Assert.AreEqual("both_fp32", Find("max").Input(1)!.Name);
        Assert.AreEqual("both", Find("c").Input(1)!.Name);
        Assert.IsGreaterThan(50, ModelRunner.SnrDb(before, Run()));
    }

    [TestMethod]
    public void Constant_nodes_and_attributes_convert()
    {
        var x = Input("x", 2, 4);
        var constant = Graph.AddNode(null, "Constant", "c1", [], null, "", Attribute.Float("value_float", 1.5f));
        var list = Graph.AddNode(null, "Constant", "c2", [], null, "", new Attribute("value_floats", AttributeKind.Floats, new float[] { 1, 2, 3, 4 }));
        var tensor = Graph.AddNode(null, "Constant", "c3", [], null, "", Attribute.Tensor("value", Tensor.Floats([4], 4, 3, 2, 1)));
        var shape = Graph.AddNode(null, "Shape", "shape", [x]);
        var filled = Graph.AddNode(null, "ConstantOfShape", "filled", [shape], null, "", Attribute.Tensor("value", Tensor.Floats([1], 0.25f)));
        var zeros = Graph.AddNode(null, "ConstantOfShape", "zeros", [shape]);
        var cast = Graph.AddNode(null, "Cast", "cast", [shape], null, "", Attribute.Int("to", 1));
        var sum = Node("Add", "s1", Node("Mul", "s0", x, constant), list);
        sum = Node("Add", "s2", Node("Add", "s3", sum, tensor), filled);
        sum = Node("Add", "s4", sum, zeros);
        Output("y", Node("Concat", "cat", [Node("Flatten", "flat", [sum], Attribute.Int("axis", 0)), Node("Reshape", "r", [cast, Graph.AddInitializer("to", Tensor.Int64s(1, 2))])], Attribute.Int("axis", 1)));
        var before = Run();
        Quantize();
        Assert.IsFalse(Graph.Nodes.Any(node => node.OpType == "Cast" && node.Name == "cast" && node.GetInt("to", 0) != 10));
        Assert.AreEqual(DataType.Float16, tensor.Producer!.GetTensor("value")!.Type);
        Assert.IsGreaterThan(50, ModelRunner.SnrDb(before, Run()));
    }

    [TestMethod]
    public void Generators_stay_in_float32_for_lack_of_kernels()
    {
        var x = Input("x", 2, 4);
        var normal = Graph.AddNode(null, "RandomNormal", "normal", [], null, "", Attribute.Ints("shape", 2, 4), Attribute.Float("seed", 1));
        var uniform = Graph.AddNode(null, "RandomUniform", "uniform", [], null, "", Attribute.Ints("shape", 2, 4), Attribute.Float("seed", 1), Attribute.Int("dtype", 1));
        var like = Node("RandomNormalLike", "like", [x], Attribute.Float("seed", 1));
        var eye = Node("EyeLike", "eye", [Node("Cast", "ints", [x], Attribute.Int("to", 6))], Attribute.Int("dtype", 1));
        Output("y", Node("Add", "a", Node("Add", "b", x, like), Node("Add", "c", Node("Add", "d", normal, uniform), eye)));
        var before = Run();
        var metrics = Quantize();
        Assert.AreEqual("""{"EyeLike":1,"RandomNormal":1,"RandomNormalLike":1,"RandomUniform":1}""", metrics["float32Nodes"]!.ToJsonString());
        Assert.IsGreaterThan(50, ModelRunner.SnrDb(before, Run()));
    }

    [TestMethod]
    public void The_angles_of_an_embedding_stay_in_float32()
    {
        // sin(t * f) for t near 1000 in float16 would be off by up to 0.25.
        var t = new Value("t", new TensorType(DataType.Int64, new Shape(3)));
        Graph.AddInput(t);
        var time = Node("Unsqueeze", "unsqueeze", Node("Cast", "cast", [t], Attribute.Int("to", 1)), Graph.AddInitializer("axes", Tensor.Int64s(1)));
        var angles = Node("Mul", "angles", time, Graph.AddInitializer("frequencies", Tensor.Floats([1, 4], 1, 0.97f, 0.31f, 0.013f)));
        var embedding = Node("Concat", "cat", [Node("Sin", "sin", angles), Node("Cos", "cos", angles)], Attribute.Int("axis", 1));
        Output("y", Node("MatMul", "fc", embedding, Weight("w", 8, 8)));
        var inputs = new Dictionary<string, Tensor> { ["t"] = Tensor.Int64s(999, 641, 3) };
        var before = ModelRunner.Run(_model.ToBytes(), inputs)["y"];

        Quantize();

        CollectionAssert.AreEqual(new[] { "Cast", "Unsqueeze", "Mul", "Sin", "Cast", "Cos", "Cast", "Concat", "MatMul", "Cast" }, Operators());
        Assert.AreEqual(DataType.Float, Graph.Initializers.Single(value => value.Name == "frequencies").Initializer!.Type);
        Assert.IsGreaterThan(55, ModelRunner.SnrDb(before, ModelRunner.Run(_model.ToBytes(), inputs)["y"]));
    }

    [TestMethod]
    public void A_sine_as_activation_becomes_float16()
    {
        Output("y", Node("MatMul", "second", Node("Sin", "sin", Node("MatMul", "first", Input("x", 2, 4), Weight("w1", 4, 4))), Weight("w2", 4, 4)));
        var metrics = Quantize();
        Assert.AreEqual("{}", metrics["float32Nodes"]!.ToJsonString());
    }

    [TestMethod]
    public void Scales_of_Resize_stay_in_float32_with_what_computes_them()
    {
        var x = new Value("x", new TensorType(DataType.Float, new Shape(1, 2, new Dim("h"), new Dim("w"))));
        Graph.AddInput(x);
        var size = Node("Cast", "float", [Graph.AddNode(null, "Shape", "shape", [x])], Attribute.Int("to", 1));
        var scales = Node("Div", "scales", Node("Mul", "double", size, Graph.AddInitializer("factors", Tensor.Floats([4], 1, 1, 2, 3))), size);
        Output("y", Node("Resize", "resize", [Node("Relu", "relu", x), null, scales], Attribute.String("mode", "nearest")));
        var inputs = new Dictionary<string, Tensor> { ["x"] = Tensor.Floats([1, 2, 3, 5], Sample(30)) };
        var before = ModelRunner.Run(_model.ToBytes(), inputs)["y"];
        Quantize();
        Assert.AreSame(scales, Find("resize").Input(2));
        Assert.AreEqual(1, Find("float").GetInt("to", 0));
        Assert.IsGreaterThan(50, ModelRunner.SnrDb(before, ModelRunner.Run(_model.ToBytes(), inputs)["y"]));
    }

    [TestMethod]
    public void Casts_that_lead_nowhere_are_removed()
    {
        var x = Input("x", 2, 4);
        var half = Node("Cast", "down", [Node("Relu", "relu", x)], Attribute.Int("to", 10));
        var back = Node("Cast", "up", [Node("Neg", "neg", half)], Attribute.Int("to", 1));
        Output("y", Node("Abs", "abs", back));
        Quantize();
        CollectionAssert.AreEqual(new[] { "Cast", "Relu", "Neg", "Abs", "Cast" }, Operators());
        Run();
    }

    [TestMethod]
    public void Branches_and_loops_convert_inside()
    {
        var x = Input("x", 4);
        var w = Weight("w", 4);
        var condition = Node("Greater", "greater", Node("ReduceSum", "sum", [x], Attribute.Int("keepdims", 0)), Weight("limit", 1));
        Value Branch(string op, out Graph branch)
        {
            branch = new Graph { Name = op };
            var result = new Value(op + "_out");
            branch.Add(new Node(op, [x, w], [result], op));
            branch.Outputs.Add(result);
            return result;
        }

        Branch("Mul", out var then);
        Branch("Min", out var otherwise); // Stays in float32.
        var chosen = Node("If", "if", [condition], new Attribute("then_branch", AttributeKind.Graph, then), new Attribute("else_branch", AttributeKind.Graph, otherwise));

        var body = new Graph { Name = "body" };
        var (iteration, going, state) = (new Value("i", new TensorType(DataType.Int64, Shape.Scalar)), new Value("going", new TensorType(DataType.Bool, Shape.Scalar)), new Value("state", new TensorType(DataType.Float, new Shape(4))));
        body.AddInput(iteration);
        body.AddInput(going);
        body.AddInput(state);
        var (next, still) = (new Value("next"), new Value("still"));
        body.Add(new Node("Add", [state, w], [next], "step"));
        body.Add(new Node("Identity", [going], [still], "still"));
        body.Outputs.AddRange([still, next]);
        var loop = Node("Loop", "loop", [Graph.AddInitializer("trips", Tensor.Int64(3)), null, chosen], new Attribute("body", AttributeKind.Graph, body));
        Output("y", loop);
        foreach (var values in new[] { new float[] { 1, 2, 3, 4 }, [-1, -2, -3, -4] })
        {
            var inputs = new Dictionary<string, Tensor> { ["x"] = Tensor.Floats([4], values) };
            using var copy = Model.Parse(_model.ToBytes());
            var before = ModelRunner.Run(copy.ToBytes(), inputs)["y"];
            new QuantizeStage().Run(copy, new QuantizeOptions(), new StageContext());
            Assert.IsGreaterThan(50, ModelRunner.SnrDb(before, ModelRunner.Run(copy.ToBytes(), inputs)["y"]));
        }

        var metrics = Quantize();
        Assert.AreEqual(DataType.Float16, state.ElementType);
        Assert.AreEqual("""{"Min":1}""", metrics["float32Nodes"]!.ToJsonString());
    }

    [TestMethod]
    public void Excluded_layers_and_operators_stay_in_float32()
    {
        var x = Input("x", 2, 4);
        var first = Weight("model.first.weight", 4, 4);
        var second = Weight("model.second.weight", 4, 4);
        var hidden = Node("Softmax", "/model/softmax/Softmax", Node("MatMul", "/model/first/MatMul", x, first));
        Output("y", Node("MatMul", "/model/second/MatMul", hidden, second));
        var metrics = Quantize(new QuantizeOptions { Layers = new LayerSelector { Exclude = ["model.first", "op:Softmax"] } });
        Assert.AreEqual("""{"MatMul":1,"Softmax":1}""", metrics["float32Nodes"]!.ToJsonString());
        Assert.AreEqual(DataType.Float, first.Initializer!.Type);
        Assert.AreEqual(DataType.Float16, second.Initializer!.Type);
        Run();
    }

    [TestMethod]
    public void Include_takes_nodes_by_module_path()
    {
        var x = Input("x", 2, 4);
        var hidden = Node("Relu", "/down/act/Relu", Node("MatMul", "/down/fc/MatMul", x, Weight("onnx::MatMul_1", 4, 4)));
        Output("y", Node("MatMul", "/up/fc/MatMul", hidden, Weight("onnx::MatMul_2", 4, 4)));
        var metrics = Quantize(new QuantizeOptions { Layers = new LayerSelector { Include = ["down.*"] } });
        Assert.AreEqual(2, (int)metrics["float16Nodes"]!);
        Assert.AreEqual("""{"MatMul":1}""", metrics["float32Nodes"]!.ToJsonString());
        var error = Assert.ThrowsExactly<CompressToolException>(() => Quantize(new QuantizeOptions { Layers = new LayerSelector { Exclude = ["op:MatNul"] } }));
        Assert.AreEqual((CompressionErrors.UnmatchedSelector, "layers.exclude[0]"), (error.Code, error.OptionPath));
        StringAssert.Contains(error.Message, "did you mean 'op:MatMul'?");
    }

    [TestMethod]
    public void Values_beyond_float16_are_clamped_and_told()
    {
        var weight = Sample(16);
        (weight[3], weight[7]) = (1e6f, -70000);
        var x = Input("x", 2, 4);
        var mask = Graph.AddInitializer("mask", Tensor.Floats([4], float.MinValue, 0, 0, float.NegativeInfinity));
        Output("y", Node("Add", "masked", Node("MatMul", "fc", x, Graph.AddInitializer("fc.weight", Tensor.Floats([4, 4], weight))), mask));
        List<(ErrorCode Code, string Message, string? Path)> warnings = [];
        var metrics = (JsonObject)new QuantizeStage().Run(_model, new QuantizeOptions(), new StageContext { Warn = (code, message, path) => warnings.Add((code, message, path)) }).Metrics;
        Assert.AreEqual(2, (long)metrics["clampedValues"]!);
        Assert.AreEqual(CompressionErrors.ValuesClamped, warnings.Single().Code);
        StringAssert.Contains(warnings.Single().Message, "fc.weight (2, up to 1E+06)");
        var stored = Graph.Initializers.Single(value => value.Name == "fc.weight").Initializer!.ToFloats();
        Assert.AreEqual((65504f, -65504f), (stored[3], stored[7]));
        CollectionAssert.AreEqual(new[] { -65504f, 0, 0, float.NegativeInfinity }, Graph.Initializers.Single(value => value.Name == "mask").Initializer!.ToFloats());
    }

    [TestMethod]
    public void Weights_that_old_exporters_list_as_inputs_convert_too()
    {
        _model.IrVersion = 3;
        var x = Input("x", 2, 4);
        var w = Weight("w", 4, 4);
        Graph.AddInput(w);
        Output("y", Node("MatMul", "mm", x, w));
        Quantize();
        Assert.AreEqual(DataType.Float, x.ElementType);
        Assert.AreEqual(DataType.Float16, w.Initializer!.Type);
        Assert.AreEqual(DataType.Float16, w.ElementType);
        Run();
    }

    [TestMethod]
    public void A_quantized_model_keeps_its_integer_arithmetic()
    {
        var x = Input("x", 2, 64);
        Output("y", Node("Relu", "relu", Node("MatMul", "fc", x, Weight("fc.weight", 64, 32))));
        var before = Run();
        new QuantizeStage().Run(_model, new QuantizeOptions { Scheme = QuantizationScheme.Int8Dynamic }, new StageContext());
        var metrics = Quantize();
        Assert.AreEqual("""{"Cast":1,"DynamicQuantizeLinear":1,"Mul":2}""", metrics["float32Nodes"]!.ToJsonString());
        Assert.IsGreaterThan(35, ModelRunner.SnrDb(before, Run()));
    }

    [TestMethod]
    public void Outputs_that_are_constants_or_inputs_keep_name_and_type()
    {
        var x = Input("x", 2, 4);
        var w = Weight("w", 4, 4);
        Graph.Outputs.Add(w);
        Graph.Outputs.Add(x);
        var y = Node("MatMul", "mm", x, w);
        Output("y", y);
        Output("z", Node("Relu", "relu", y));
        Quantize();
        CollectionAssert.AreEqual(new[] { "w", "x", "y", "z" }, Graph.Outputs.Select(output => output.Name).ToArray());
        Assert.AreEqual(DataType.Float, Graph.Outputs[0].Initializer!.Type);
        Assert.AreEqual("w_fp16", Find("mm").Input(1)!.Name);
        Assert.AreEqual("MatMul", Find("relu").Input(0)!.Producer!.OpType);
        Assert.HasCount(4, ModelRunner.Run(_model.ToBytes(), new Dictionary<string, Tensor> { ["x"] = Tensor.Floats([2, 4], Sample(8)) }));
    }

    [TestMethod]
    public void Operators_of_unknown_domains_stay_in_float32_and_what_cannot_be_typed_is_told()
    {
        var x = Input("x", 2, 4);
        _model.OpsetImports["com.example"] = 1;
        var custom = Graph.AddNode(null, "Mystery", "mystery", [Node("MatMul", "mm", x, Weight("w", 4, 4))], null, "com.example");
        Output("y", Node("Relu", "relu", custom));
        List<string> warnings = [];
        new QuantizeStage().Run(_model, new QuantizeOptions(), new StageContext { Warn = (_, message, _) => warnings.Add(message) });
        Assert.AreEqual("Cast", Find("mystery").Input(0)!.Producer!.OpType);
        StringAssert.Contains(warnings.Single(), "relu");
    }

    [TestMethod]
    public void A_float16_model_is_refused()
    {
        Output("y", Node("MatMul", "mm", Input("x", 2, 4), Weight("w", 4, 4)));
        Quantize(new QuantizeOptions { KeepIoTypes = false });
        var error = Assert.ThrowsExactly<CompressToolException>(() => Quantize());
        Assert.AreEqual(CompressionErrors.NoEffect, error.Code);
    }

    [TestMethod]
    public void Declared_types_of_inner_values_follow()
    {
        var x = Input("x", 2, 4);
        var hidden = Node("Relu", "relu", x);
        hidden.Type = new TensorType(DataType.Float, new Shape(2, 4));
        Output("y", Node("Max", "max", hidden, Weight("w", 4)));
        Quantize();
        Assert.AreEqual(DataType.Float16, hidden.ElementType);
        Assert.AreEqual(DataType.Float, Find("max").Input(0)!.ElementType);
        Run();
    }

    private JsonObject Quantize(QuantizeOptions? options = null) => new QuantizeStage().Run(_model, options ?? new QuantizeOptions(), new StageContext()).Metrics;

    private Tensor Run(string output = "y")
    {
        var input = Tensor.Floats([2, Graph.Inputs[0].Shape![1].Value!.Value], Sample((int)(2 * Graph.Inputs[0].Shape![1].Value!.Value)));
        return ModelRunner.Run(_model.ToBytes(), new Dictionary<string, Tensor> { ["x"] = ModelRunner.Convert(input, Graph.Inputs[0].ElementType) })[output];
    }

    private string[] Operators() => [.. Graph.Nodes.Select(node => node.OpType)];

    private Node Find(string name) => Graph.Nodes.Single(node => node.Name == name);

    private Value Input(string name, params long[] dims)
    {
        var value = new Value(name, new TensorType(DataType.Float, Shape.Of(dims)));
        Graph.AddInput(value);
        return value;
    }

    private Value Weight(string name, params long[] dims) => Graph.AddInitializer(name, Tensor.Floats(dims, Sample((int)dims.Aggregate((a, b) => a * b))));

    private Value Node(string op, string name, params Value?[] inputs) => Node(op, name, inputs, []);

    private Value Node(string op, string name, Value?[] inputs, params Attribute[] attributes) => Graph.AddNode(null, op, name, inputs, null, "", attributes);

    private void Output(string name, Value value)
    {
        value.Name = name;
        value.Type ??= new TensorType(DataType.Float, null);
        Graph.Outputs.Add(value);
    }

    private static float[] Sample(int count)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1)];
    }
}
