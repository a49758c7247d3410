using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;
using CompressTool.Onnx.Passes;

namespace CompressTool.Onnx.Tests.Passes;

[TestClass]
public sealed class FunctionInliningTests
{
    [TestMethod]
    public void Calls_become_the_nodes_of_the_function()
    {
        using var model = Model(out var x);
        model.Functions.Add(Scaled("scaled"));
        var first = model.Graph.AddNode(null, "scaled", "first", [x], domain: "local", attributes: Attribute.Float("by", 3));
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "scaled", "y", [first], domain: "local"));

        Assert.AreEqual(2, FunctionInlining.Run(model));

        Assert.IsEmpty(model.Functions);
        CollectionAssert.AreEqual((string[])["Constant", "Mul", "Constant", "Mul"], model.Graph.Nodes.Select(node => node.OpType).ToArray());
        // What the call gives, and the default.
        Assert.AreEqual(3f, model.Graph.Nodes[0].GetFloat("value_float", 0));
        Assert.AreEqual(2f, model.Graph.Nodes[2].GetFloat("value_float", 0));
        Assert.AreEqual("y", model.Graph.Outputs[0].Name);
        Assert.AreSame(first, model.Graph.Nodes[1].Outputs[0]);
        var names = model.Graph.Values().Select(value => value.Name).ToArray();
        Assert.HasCount(names.Length, names.Distinct());
        ShapeInference.Run(model);
        Assert.AreEqual("float32[2,3]", model.Graph.Outputs[0].Type!.ToString());
        Onnx.Model.Parse(model.ToBytes()).Dispose();
    }

    [TestMethod]
    public void Functions_within_functions_and_within_branches_are_inlined()
    {
        using var model = Model(out var x);
        model.Functions.Add(Scaled("scaled"));
        var outer = new Function("local", "twice");
        outer.OpsetImports["local"] = 1;
        outer.Body.AddInput(new Value("a"));
        outer.Body.Outputs.Add(outer.Body.AddNode(null, "scaled", "b", [outer.Body.AddNode(null, "scaled", "t", [outer.Body.Inputs[0]], domain: "local")], domain: "local"));
        model.Functions.Add(outer);
        var condition = new Value("condition", new TensorType(DataType.Bool, Shape.Scalar));
        model.Graph.AddInput(condition);
        Graph Branch(string name)
        {
            var branch = new Graph { Name = name };
            branch.Outputs.Add(branch.AddNode(null, "twice", name, [x], domain: "local"));
            return branch;
        }

        model.Graph.Outputs.Add(model.Graph.AddNode(null, "If", "y", [condition], attributes:
            [new Attribute("then_branch", AttributeKind.Graph, Branch("then")), new Attribute("else_branch", AttributeKind.Graph, Branch("else"))]));

        Assert.AreEqual(6, FunctionInlining.Run(model));

        Assert.IsFalse(model.Graph.AllNodes().Any(node => node.Domain == "local"));
        Assert.AreEqual(4, model.Graph.AllNodes().Count(node => node.OpType == "Mul"));
        using var parsed = Onnx.Model.Parse(model.ToBytes());
        Assert.AreEqual("float32[2,3]", ShapeInference.Analyze(parsed).TypeOf(parsed.Graph.Outputs[0])!.ToString());
    }

    [TestMethod]
    public void Arguments_handed_through_values_given_twice_and_inputs_left_out_are_kept()
    {
        using var model = Model(out var x);
        var function = new Function("local", "clipped");
        function.OpsetImports[""] = 21;
        var (data, low, high) = (new Value("data"), new Value("low"), new Value("high"));
        function.Body.AddInput(data);
        function.Body.AddInput(low);
        function.Body.AddInput(high);
        var clipped = function.Body.AddNode(null, "Clip", "clipped", [data, low, high]);
        function.Body.Outputs.AddRange([clipped, data, clipped]);
        model.Functions.Add(function);
        Value[] outputs = [new("o0"), new("o1"), new("o2")];
        model.Graph.Add(new Node("clipped", [x, null, model.Graph.AddInitializer("max", Tensor.Float(1))], outputs, "call", "local"));
        model.Graph.Outputs.AddRange(outputs);

        Assert.AreEqual(1, FunctionInlining.Run(model));

        var clip = model.Graph.Nodes[0];
        Assert.IsNull(clip.Inputs[1]);
        Assert.AreEqual("max", clip.Inputs[2]!.Name);
        Assert.AreSame(outputs[0], clip.Outputs[0]);
        Assert.AreSame(x, outputs[1].Producer!.Inputs[0]);
        Assert.AreSame(outputs[0], outputs[2].Producer!.Inputs[0]);
    }

    [TestMethod]
    public void A_function_that_calls_itself_is_an_error()
    {
        using var model = Model(out var x);
        var function = new Function("local", "f");
        function.Body.AddInput(new Value("a"));
        function.Body.Outputs.Add(function.Body.AddNode(null, "f", "b", [function.Body.Inputs[0]], domain: "local"));
        model.Functions.Add(function);
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "f", "y", [x], domain: "local"));
        var error = Assert.ThrowsExactly<CompressToolException>(() => FunctionInlining.Run(model));
        Assert.Contains("'f' calls itself", error.Message);
    }

    [TestMethod]
    public void A_function_for_another_version_of_the_operators_stays()
    {
        using var model = Model(out var x);
        var function = Scaled("scaled");
        function.OpsetImports[""] = 18;
        model.Functions.Add(function);
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "scaled", "y", [x], domain: "local"));
        Assert.AreEqual(0, FunctionInlining.Run(model));
        Assert.HasCount(1, model.Functions);
    }

    /// <summary>x times the attribute <c>by</c>, 2 by default.</summary>
    private static Function Scaled(string name)
    {
        var function = new Function("local", name);
        function.OpsetImports[""] = 21;
        function.AttributeDefaults.Add(Attribute.Float("by", 2));
        function.Body.AddInput(new Value("a"));
        var factor = function.Body.AddNode(null, "Constant", "factor", [], attributes: new Attribute("value_float", AttributeKind.Float, null) { ReferenceName = "by" });
        function.Body.Outputs.Add(function.Body.AddNode(null, "Mul", "product", [function.Body.Inputs[0], factor]));
        return function;
    }

    private static Model Model(out Value x)
    {
        var model = new Model();
        model.OpsetImports[""] = 21;
        model.OpsetImports["local"] = 1;
        x = new Value("x", new TensorType(DataType.Float, Shape.Of([2, 3])));
        model.Graph.AddInput(x);
        return model;
    }
}
