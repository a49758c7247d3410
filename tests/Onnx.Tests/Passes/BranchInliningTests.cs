using CompressTool.Onnx.Inference;
using CompressTool.Onnx.Passes;

namespace CompressTool.Onnx.Tests.Passes;

[TestClass]
public sealed class BranchInliningTests
{
    [TestMethod]
    [DataRow(2, "Neg")]
    [DataRow(3, "Abs")]
    public void The_branch_that_a_known_shape_chooses_replaces_the_node(int size, string expected)
    {
        using var model = Model(size, out var x);
        var graph = model.Graph;
        var isTwo = graph.AddNode(null, "Equal", "is_two", [graph.AddNode(null, "Size", "size", [x]), graph.AddInitializer("two", Tensor.Int64(2))]);
        graph.Outputs.Add(If(graph, isTwo, Unary("Neg", x), Unary("Abs", x)));

        Assert.AreEqual(1, BranchInlining.Run(model));

        Assert.AreEqual(expected, graph.Outputs[0].Producer!.OpType);
        Assert.AreSame(x, graph.Outputs[0].Producer!.Inputs[0]);
        Assert.AreEqual("y", graph.Outputs[0].Name);
    }

    [TestMethod]
    public void Branches_within_branches_with_constants_of_their_own_are_inlined()
    {
        using var model = Model(2, out var x);
        var graph = model.Graph;
        var yes = graph.AddInitializer("yes", Tensor.Create<bool>(DataType.Bool, [], [true]));
        var inner = new Graph();
        inner.Outputs.Add(inner.AddNode(null, "Add", "sum", [x, inner.AddInitializer("one", Tensor.Float(1))]));
        var middle = new Graph();
        middle.Outputs.Add(If(middle, yes, inner, Unary("Abs", x)));
        var handedThrough = new Graph();
        handedThrough.Outputs.Add(x);
        graph.Outputs.Add(If(graph, yes, middle, handedThrough));

        Assert.AreEqual(2, BranchInlining.Run(model));

        CollectionAssert.AreEqual((string[])["Add"], graph.Nodes.Select(node => node.OpType).ToArray());
        using var parsed = Onnx.Model.Parse(model.ToBytes());
        Assert.AreEqual("float32[2]", ShapeInference.Analyze(parsed).TypeOf(parsed.Graph.Outputs[0])!.ToString());
    }

    [TestMethod]
    public void A_branch_that_hands_an_outer_value_through_becomes_an_identity()
    {
        using var model = Model(2, out var x);
        var branch = new Graph();
        branch.Outputs.Add(x);
        model.Graph.Outputs.Add(If(model.Graph, model.Graph.AddInitializer("no", Tensor.Create<bool>(DataType.Bool, [], [false])), Unary("Abs", x), branch));
        Assert.AreEqual(1, BranchInlining.Run(model));
        Assert.AreEqual("Identity", model.Graph.Outputs[0].Producer!.OpType);
    }

    [TestMethod]
    public void A_condition_that_is_an_input_stays()
    {
        using var model = Model(2, out var x);
        var condition = new Value("condition", new TensorType(DataType.Bool, Shape.Scalar));
        model.Graph.AddInput(condition);
        model.Graph.Outputs.Add(If(model.Graph, condition, Unary("Neg", x), Unary("Abs", x)));
        Assert.AreEqual(0, BranchInlining.Run(model));
        Assert.HasCount(1, model.Graph.Nodes);
    }

    private static Value If(Graph graph, Value condition, Graph then, Graph otherwise) => graph.AddNode(null, "If", "y", [condition], attributes:
        [new Attribute("then_branch", AttributeKind.Graph, then), new Attribute("else_branch", AttributeKind.Graph, otherwise)]);

    private static Graph Unary(string opType, Value x)
    {
        var branch = new Graph();
        branch.Outputs.Add(branch.AddNode(null, opType, opType, [x]));
        return branch;
    }

    private static Model Model(int size, out Value x)
    {
        var model = new Model();
        model.OpsetImports[""] = 21;
        x = new Value("x", new TensorType(DataType.Float, Shape.Of([size])));
        model.Graph.AddInput(x);
        return model;
    }
}
