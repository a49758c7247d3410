using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;

namespace CompressTool.Onnx.Tests.Inference;

[TestClass]
public sealed class ModelInferenceTests
{
    [TestMethod]
    public void Bindings_and_input_shapes_replace_what_is_declared()
    {
        using var model = ShapeRoundTrip("float32[batch,8,h]");
        ShapeInference.Run(model);
        Assert.AreEqual("float32[batch*h,8]", model.Graph.Outputs[0].Type!.ToString());
        Assert.AreEqual("float32[12,8]", ShapeInference.Analyze(model, new() { Bindings = new Dictionary<string, long> { ["batch"] = 4, ["h"] = 3 } }).TypeOf(model.Graph.Outputs[0])!.ToString());
        Assert.AreEqual("float32[batch*h,8]", model.Graph.Outputs[0].Type!.ToString(), "analysing leaves the model as it is");
        var replaced = new InferenceOptions { InputShapes = new Dictionary<string, Shape> { ["x"] = new(2, new Dim("c"), 5) }, Refresh = true };
        ShapeInference.Run(model, replaced);
        Assert.AreEqual("float32[2,c,5]", model.Graph.Inputs[0].Type!.ToString());
        Assert.AreEqual("float32[10,c]", model.Graph.Outputs[0].Type!.ToString());
    }

    [TestMethod]
    public void Names_that_do_not_exist_are_errors()
    {
        using var model = ShapeRoundTrip("float32[batch,8,h]");
        var binding = Assert.ThrowsExactly<CompressToolException>(() => ShapeInference.Run(model, new() { Bindings = new Dictionary<string, long> { ["bach"] = 4 } }));
        Assert.AreEqual(OnnxErrors.UnknownName, binding.Code);
        StringAssert.Contains(binding.Message, "did you mean 'batch'?");
        var input = Assert.ThrowsExactly<CompressToolException>(() => ShapeInference.Run(model, new() { InputShapes = new Dictionary<string, Shape> { ["y"] = new(1) } }));
        StringAssert.Contains(input.Message, "'y'");
        Assert.ThrowsExactly<CompressToolException>(() => ShapeInference.Run(model, new() { Bindings = new Dictionary<string, long> { ["batch"] = -1 } }));
    }

    [TestMethod]
    public void Declared_types_must_agree_unless_the_graph_was_changed()
    {
        using var model = ShapeRoundTrip("float32[2,8,3]");
        model.Graph.Nodes[0].Outputs[0]!.Type = NodeUnderTest.ParseType("float32[2,4,8]");
        var error = Assert.ThrowsExactly<CompressToolException>(() => ShapeInference.Run(model));
        Assert.AreEqual(OnnxErrors.ShapeMismatch, error.Code);
        StringAssert.Contains(error.Message, "'moved' is float32[2,3,8] by what goes in, but declared float32[2,4,8]");
        ShapeInference.Run(model, new() { Refresh = true });
        Assert.AreEqual("float32[2,3,8]", model.Graph.Nodes[0].Outputs[0]!.Type!.ToString());
        Assert.AreEqual("float32[6,8]", model.Graph.Outputs[0].Type!.ToString());
    }

    [TestMethod]
    public void Declared_types_fill_in_what_operators_do_not_tell()
    {
        using var model = ShapeRoundTrip("float32[batch,8,3]");
        var node = model.Graph.Nodes[0];
        node.OpType = "Secret";
        node.Domain = "org.example";
        var incomplete = ShapeInference.Run(model).Incomplete;
        Assert.Contains(node.Outputs[0]!, incomplete);
        Assert.IsNull(node.Outputs[0]!.Type);
        node.Outputs[0]!.Type = NodeUnderTest.ParseType("float32[batch,3,8]");
        Assert.IsEmpty(ShapeInference.Run(model).Incomplete);
        Assert.AreEqual("float32[3*batch,8]", model.Graph.Outputs[0].Type!.ToString());
    }

    [TestMethod]
    [DataRow(null, null)]
    [DataRow(-1L, null)]
    [DataRow(null, "")]
    [DataRow(null, "?")]
    public void Undeclared_dimensions_get_names(long? number, string? symbol)
    {
        using var model = ShapeRoundTrip("float32[2,8,3]");
        model.Graph.Inputs[0].Type = new TensorType(DataType.Float, new Shape(number is { } n ? new Dim(n) : symbol is null ? Dim.Unknown : new Dim(symbol), 8, 3));
        ShapeInference.Run(model);
        Assert.AreEqual("float32[x_dim0,8,3]", model.Graph.Inputs[0].Type!.ToString());
        Assert.AreEqual("float32[3*x_dim0,8]", model.Graph.Outputs[0].Type!.ToString());
    }

    [TestMethod]
    public void Functions_are_inferred_for_every_call()
    {
        using var model = Empty("float32[b,4]");
        var function = new Function("org.example", "TwiceAlong");
        var x = new Value("x");
        function.Body.AddInput(x);
        function.AttributeNames.Add("along");
        function.OpsetImports[""] = 21;
        var joined = function.Body.AddNode(null, "Concat", "y", [x, x], null, "", new Attribute("axis", AttributeKind.Int, null) { ReferenceName = "along" });
        function.Body.Outputs.Add(joined);
        model.Functions.Add(function);
        var first = model.Graph.AddNode(null, "TwiceAlong", "first", [model.Graph.Inputs[0]], null, "org.example", Attribute.Int("along", 0));
        var second = model.Graph.AddNode(null, "TwiceAlong", "second", [first], null, "org.example", Attribute.Int("along", 1));
        ShapeInference.Run(model);
        Assert.AreEqual("float32[2*b,4]", first.Type!.ToString());
        Assert.AreEqual("float32[2*b,8]", second.Type!.ToString());
        Assert.IsNull(joined.Type, "the body has other types in every call");
    }

    [TestMethod]
    public void A_function_that_calls_itself_is_refused()
    {
        using var model = Empty("float32[b,4]");
        var function = new Function("org.example", "Endless");
        var x = new Value("x");
        function.Body.AddInput(x);
        function.Body.Outputs.Add(function.Body.AddNode(null, "Endless", "y", [x], null, "org.example"));
        model.Functions.Add(function);
        model.Graph.AddNode(null, "Endless", "out", [model.Graph.Inputs[0]], null, "org.example");
        Assert.AreEqual(OnnxErrors.InvalidGraph, Assert.ThrowsExactly<CompressToolException>(() => ShapeInference.Run(model)).Code);
    }

    [TestMethod]
    public void Branches_share_what_they_agree_on()
    {
        using var model = Empty("float32[b,4]", "bool[]");
        var x = model.Graph.Inputs[0];
        var same = Body(body => [body.AddNode(null, "Relu", "kept", [x])]);
        var twice = Body(body => [body.AddNode(null, "Concat", "joined", [x, x], null, "", Attribute.Int("axis", 1))]);
        var output = model.Graph.AddNode(null, "If", "out", [model.Graph.Inputs[1]], null, "", new Attribute("then_branch", AttributeKind.Graph, same), new Attribute("else_branch", AttributeKind.Graph, twice));
        ShapeInference.Run(model);
        Assert.AreEqual("float32[b,out_dim1]", output.Type!.ToString());
        Assert.AreEqual("float32[b,8]", twice.Outputs[0].Type!.ToString());
    }

    [TestMethod]
    public void A_known_condition_chooses_its_branch()
    {
        using var model = Empty("float32[b,4]");
        var x = model.Graph.Inputs[0];
        var same = Body(body => [body.AddNode(null, "Relu", "kept", [x])]);
        var twice = Body(body => [body.AddNode(null, "Concat", "joined", [x, x], null, "", Attribute.Int("axis", 1))]);
        var condition = model.Graph.AddInitializer("no", Tensor.Create(DataType.Bool, [], [false]));
        var output = model.Graph.AddNode(null, "If", "out", [condition], null, "", new Attribute("then_branch", AttributeKind.Graph, same), new Attribute("else_branch", AttributeKind.Graph, twice));
        ShapeInference.Run(model);
        Assert.AreEqual("float32[b,8]", output.Type!.ToString());
    }

    [TestMethod]
    public void A_loop_keeps_what_its_body_keeps()
    {
        using var model = Empty("float32[b,4]");
        var x = model.Graph.Inputs[0];
        var body = new Graph();
        var (round, condition, state) = (new Value("round"), new Value("condition"), new Value("state"));
        body.AddInput(round);
        body.AddInput(condition);
        body.AddInput(state);
        var longer = body.AddNode(null, "Concat", "longer", [state, x], null, "", Attribute.Int("axis", 0));
        var row = body.AddNode(null, "ReduceSum", "row", [x], null, "", Attribute.Int("keepdims", 0));
        body.Outputs.AddRange([condition, longer, row]);
        var rounds = model.Graph.AddInitializer("rounds", Tensor.Int64(5));
        var node = new Node("Loop", [rounds, null, x], [new Value("final"), new Value("rows")], "loop", "", new Attribute("body", AttributeKind.Graph, body));
        model.Graph.Add(node);
        ShapeInference.Run(model);
        Assert.AreEqual("float32", node.Outputs[0]!.ElementType.DisplayName());
        Assert.AreEqual(2, node.Outputs[0]!.Shape!.Count);
        Assert.AreEqual(new Dim(4), node.Outputs[0]!.Shape![1]);
        Assert.AreNotEqual(new Dim("b"), node.Outputs[0]!.Shape![0]);
        Assert.AreEqual("float32[rows_dim0]", node.Outputs[1]!.Type!.ToString());
        Assert.AreEqual("int64[]", round.Type!.ToString());
    }

    [TestMethod]
    public void A_scan_stacks_rows()
    {
        using var model = Empty("float32[s,b,4]", "float32[b,4]");
        var body = new Graph();
        var (state, element) = (new Value("state"), new Value("element"));
        body.AddInput(state);
        body.AddInput(element);
        var sum = body.AddNode(null, "Add", "sum", [state, element]);
        body.Outputs.AddRange([sum, sum]);
        var node = new Node("Scan", [model.Graph.Inputs[1], model.Graph.Inputs[0]], [new Value("final"), new Value("all")], "scan", "",
            new Attribute("body", AttributeKind.Graph, body), Attribute.Int("num_scan_inputs", 1), Attribute.Ints("scan_output_axes", 1));
        model.Graph.Add(node);
        ShapeInference.Run(model);
        Assert.AreEqual("float32[b,4]", node.Outputs[0]!.Type!.ToString());
        Assert.AreEqual("float32[b,s,4]", node.Outputs[1]!.Type!.ToString());
    }

    [TestMethod]
    public void Sizes_beyond_64_bits_are_refused()
    {
        using var model = Empty("float32[4611686018427387904,4611686018427387904]");
        model.Graph.AddNode(null, "Flatten", "out", [model.Graph.Inputs[0]], null, "", Attribute.Int("axis", 2));
        Assert.AreEqual(OnnxErrors.ShapeMismatch, Assert.ThrowsExactly<CompressToolException>(() => ShapeInference.Run(model)).Code);
    }

    /// <summary>x of three dimensions, its last two exchanged, then flattened to two by arithmetic on its shape, as exporters write it.</summary>
    private static Model ShapeRoundTrip(string type)
    {
        var model = Empty(type);
        var graph = model.Graph;
        Value Number(long number) => graph.AddInitializer("number", Tensor.Int64(number));
        var moved = graph.AddNode(null, "Transpose", "moved", [graph.Inputs[0]], null, "", Attribute.Ints("perm", 0, 2, 1));
        var shape = graph.AddNode(null, "Shape", "shape", [moved]);
        Value Size(long axis) => graph.AddNode(null, "Gather", "size", [shape, Number(axis)]);
        var rows = graph.AddNode(null, "Mul", "rows", [Size(0), Size(1)]);
        Value Boxed(Value value) => graph.AddNode(null, "Unsqueeze", "boxed", [value, graph.AddInitializer("axes", Tensor.Int64s(0))]);
        var target = graph.AddNode(null, "Concat", "target", [Boxed(rows), Boxed(Size(2))], null, "", Attribute.Int("axis", 0));
        graph.Outputs.Add(graph.AddNode(null, "Reshape", "out", [moved, target]));
        return model;
    }

    private static Model Empty(params string[] inputs)
    {
        var model = new Model();
        model.OpsetImports[""] = 21;
        foreach (var (index, type) in inputs.Index())
        {
            model.Graph.AddInput(new Value(index == 0 ? "x" : $"x{index}", NodeUnderTest.ParseType(type)));
        }

        return model;
    }

    private static Graph Body(Func<Graph, Value[]> make)
    {
        var body = new Graph();
        body.Outputs.AddRange(make(body));
        return body;
    }
}
