using System.Diagnostics;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Tests.Models;

[TestClass]
public sealed class GraphTests
{
    [TestMethod]
    public void Uses_follow_every_change_of_inputs()
    {
        Value a = new("a"), b = new("b");
        var node = new Node("Add", [a, a], [new Value("c")]);
        CollectionAssert.AreEqual(new Use[] { new(node, 0), new(node, 1) }, a.Uses.ToArray());

        node.SetInput(0, a);
        node.SetInput(1, b);
        node.SetInput(1, b);
        node.SetInput(3, a);
        CollectionAssert.AreEquivalent(new Use[] { new(node, 0), new(node, 3) }, a.Uses.ToArray());
        CollectionAssert.AreEqual(new Use[] { new(node, 1) }, b.Uses.ToArray());
        Assert.IsNull(node.Inputs[2]);

        node.TruncateInputs(1);
        CollectionAssert.AreEqual(new Use[] { new(node, 0) }, a.Uses.ToArray());
        Assert.IsTrue(b.IsUnused);
    }

    [TestMethod]
    public void SetOutput_moves_the_producer_and_refuses_a_second_one()
    {
        Value a = new("a"), b = new("b");
        var node = new Node("Split", [], [a, null]);
        node.SetOutput(0, a);
        Assert.AreEqual(node, a.Producer);

        Assert.AreEqual(OnnxErrors.InvalidGraph, Assert.ThrowsExactly<CompressToolException>(() => new Node("Abs", [], [a])).Code);

        node.SetOutput(1, b);
        node.SetOutput(0, null);
        Assert.IsNull(a.Producer);
        Assert.AreEqual((node, 1), (b.Producer, b.ProducerIndex));
    }

    [TestMethod]
    public void ReplaceAllUses_reaches_nodes_subgraphs_and_outputs_and_keeps_the_name_of_an_output()
    {
        var graph = new Graph();
        var x = Input(graph, "x");
        var y = graph.AddNode(null, "Abs", "y", [x]);
        var consumer = graph.AddNode(null, "Neg", "z", [y]).Producer!;
        var branch = Branch(new Node("Exp", [y], [new Value("inner")]));
        branch.Outputs.Add(y);
        graph.Add(new Node("If", [x], [new Value("chosen")], attributes: new Attribute("then_branch", AttributeKind.Graph, branch)));
        graph.Outputs.AddRange([y, y]);

        var replacement = graph.AddNode(consumer, "Relu", "replacement", [y]);
        y.ReplaceAllUses(replacement, except: replacement.Producer);

        CollectionAssert.AreEqual(new Use[] { new(replacement.Producer!, 0) }, y.Uses.ToArray());
        Assert.AreEqual(replacement, consumer.Inputs[0]);
        Assert.AreEqual(replacement, branch.Nodes[0].Inputs[0]);
        Assert.AreEqual(replacement, branch.Outputs[1]);
        CollectionAssert.AreEqual(new[] { replacement, replacement }, graph.Outputs.ToArray());
        Assert.AreEqual(("y", "replacement"), (replacement.Name, y.Name));
        Assert.IsFalse(y.IsGraphOutput);
    }

    [TestMethod]
    public void ReplaceAllUses_refuses_to_rename_what_must_keep_its_name()
    {
        var graph = new Graph();
        var x = Input(graph, "x");
        var y = graph.AddNode(null, "Identity", "y", [x]);
        var z = graph.AddNode(null, "Abs", "z", [x]);
        graph.Outputs.AddRange([y, z]);

        Assert.ThrowsExactly<InvalidOperationException>(() => y.ReplaceAllUses(x));
        Assert.ThrowsExactly<InvalidOperationException>(() => y.ReplaceAllUses(z));
        CollectionAssert.AreEqual(new[] { y, z }, graph.Outputs.ToArray());
    }

    [TestMethod]
    public void Remove_lets_go_of_what_subgraphs_use()
    {
        var graph = new Graph();
        var x = Input(graph, "x");
        var weight = graph.AddInitializer("weight", Tensor.Float(1));
        var inner = Branch(new Node("Add", [x, weight], [new Value("inner")]));
        var outer = Branch(new Node("If", [x], [new Value("middle")], attributes: new Attribute("then_branch", AttributeKind.Graph, inner)));
        outer.Outputs.Add(x);
        var node = new Node("If", [x], [new Value("y")], attributes: new Attribute("then_branch", AttributeKind.Graph, outer));
        graph.Add(node);
        Assert.HasCount(3, x.Uses);

        graph.Remove(node);

        Assert.IsTrue(x.IsUnused);
        Assert.IsTrue(weight.IsUnused);
        Assert.IsNull(outer.Owner);
    }

    [TestMethod]
    public void Remove_refuses_a_node_whose_output_is_needed()
    {
        var graph = new Graph();
        var x = Input(graph, "x");
        var y = graph.AddNode(null, "Abs", "y", [x]);
        var branch = Branch();
        branch.Outputs.Add(y);
        var node = new Node("If", [x], [new Value("z")], attributes: new Attribute("else_branch", AttributeKind.Graph, branch));
        graph.Add(node);

        StringAssert.Contains(Assert.ThrowsExactly<CompressToolException>(() => graph.Remove(y.Producer!)).Message, "'y' is still used");
        graph.Remove(node);
        graph.Remove(y.Producer!);
        Assert.IsEmpty(graph.Nodes);
    }

    [TestMethod]
    public void Replaced_and_removed_attributes_let_go_of_their_subgraphs()
    {
        var graph = new Graph();
        var x = Input(graph, "x");
        Graph first = Branch(new Node("Abs", [x], [new Value("a")])), second = Branch(new Node("Neg", [x], [new Value("b")]));
        var node = new Node("If", [], [new Value("y")], attributes: new Attribute("then_branch", AttributeKind.Graph, first));
        graph.Add(node);

        node.SetAttribute(new Attribute("then_branch", AttributeKind.Graph, second));
        Assert.AreEqual((null, node), (first.Owner, second.Owner));
        Assert.AreEqual("Neg", x.Uses.Single().Node.OpType);

        node.SetAttribute(new Attribute("then_branch", AttributeKind.Graph, second) { DocString = "same graph" });
        Assert.HasCount(1, x.Uses);

        node.RemoveAttribute("then_branch");
        Assert.IsTrue(x.IsUnused);
    }

    [TestMethod]
    public void UniqueName_knows_subgraphs_renames_and_later_insertions()
    {
        var graph = new Graph();
        var x = Input(graph, "x");
        var branch = Branch(new Node("Abs", [x], [new Value("inner")], "innerNode"));
        graph.Add(new Node("If", [x], [new Value("y")], "node", attributes: new Attribute("then_branch", AttributeKind.Graph, branch)));
        foreach (var taken in new[] { "x", "inner", "innerNode", "y", "node" })
        {
            Assert.AreEqual($"{taken}_1", graph.UniqueName(taken));
        }

        // Names taken after the first wish: in a subgraph, by renaming, with an inserted node and its subgraph.
        branch.AddInitializer(new Value("late") { Initializer = Tensor.Float(0) });
        x.Name = "renamed";
        branch.Nodes[0].Name = "renamedNode";
        var deep = Branch(new Node("Abs", [x], [new Value("deep")]));
        graph.Add(new Node("If", [x], [new Value("z")], attributes: new Attribute("else_branch", AttributeKind.Graph, deep)));
        branch.Nodes[0].SetOutput(0, new Value("replaced"));
        foreach (var taken in new[] { "late", "renamed", "renamedNode", "deep", "z", "replaced" })
        {
            Assert.AreEqual($"{taken}_1", branch.UniqueName(taken));
            Assert.AreEqual($"{taken}_2", graph.UniqueName(taken));
        }
    }

    [TestMethod]
    public void RemoveUnused_removes_chains_and_keeps_what_outputs_and_subgraphs_need()
    {
        var graph = new Graph();
        var x = Input(graph, "x");
        var used = graph.AddInitializer("used", Tensor.Float(1));
        var captured = graph.AddInitializer("captured", Tensor.Float(1));
        var unused = graph.AddInitializer("unused", Tensor.Float(1));
        var y = graph.AddNode(null, "Add", "y", [x, used]);
        var direct = graph.AddNode(null, "Abs", "direct", [x]);
        graph.AddNode(null, "Neg", "dead2", [graph.AddNode(null, "Add", "dead1", [x, unused])]);
        var branch = Branch(new Node("Abs", [captured], [new Value("inner")]));
        branch.Outputs.Add(direct);
        var chosen = new Value("chosen");
        graph.Add(new Node("If", [x], [chosen], attributes: new Attribute("then_branch", AttributeKind.Graph, branch)));
        graph.Outputs.AddRange([y, chosen]);

        Assert.AreEqual(3, graph.RemoveUnused());

        CollectionAssert.AreEqual(new[] { "Add", "Abs", "If" }, graph.Nodes.Select(node => node.OpType).ToArray());
        CollectionAssert.AreEqual(new[] { used, captured }, graph.Initializers.ToArray());
        Assert.AreEqual(0, graph.RemoveUnused());
    }

    [TestMethod]
    public void RemoveIfUnused_removes_what_only_the_value_needed()
    {
        var graph = new Graph();
        var x = Input(graph, "x");
        var shared = graph.AddNode(null, "Abs", "shared", [x]);
        var weight = graph.AddInitializer("weight", Tensor.Float(1));
        var product = graph.AddNode(null, "Mul", "product", [shared, graph.AddNode(null, "Transpose", "turned", [weight])]);
        graph.Outputs.Add(graph.AddNode(null, "Neg", "y", [shared]));

        shared.RemoveIfUnused();
        Assert.HasCount(4, graph.Nodes);
        product.RemoveIfUnused();

        CollectionAssert.AreEqual(new[] { "Abs", "Neg" }, graph.Nodes.Select(node => node.OpType).ToArray());
        Assert.IsEmpty(graph.Initializers);
        Assert.IsNull(weight.Initializer);
        Assert.HasCount(1, graph.Inputs);
    }

    [TestMethod]
    public void SortTopologically_keeps_the_order_where_it_is_free()
    {
        var graph = new Graph();
        var x = Input(graph, "x");
        Value a = new("a"), b = new("b"), c = new("c"), d = new("d");
        graph.Add(new Node("If", [x], [d], "1", attributes: new Attribute("then_branch", AttributeKind.Graph, Branch(new Node("Neg", [c], [new Value("e")])))));
        graph.Add(new Node("Abs", [x], [a], "2"));
        graph.Add(new Node("Abs", [b], [c], "3"));
        graph.Add(new Node("Abs", [a], [b], "4"));

        graph.SortTopologically();
        CollectionAssert.AreEqual(new[] { "2", "4", "3", "1" }, graph.Nodes.Select(node => node.Name).ToArray());
        graph.SortTopologically();
        CollectionAssert.AreEqual(new[] { "2", "4", "3", "1" }, graph.Nodes.Select(node => node.Name).ToArray());
    }

    [TestMethod]
    public void SortTopologically_reports_cycles_through_nodes_themselves_and_subgraphs()
    {
        Value a = new("a"), b = new("b"), c = new("c"), d = new("d");
        ExpectCycle(new Node("Abs", [a], [b]), new Node("Abs", [b], [a]));
        ExpectCycle(new Node("Abs", [c], [c]));
        ExpectCycle(new Node("If", [], [d], attributes: new Attribute("then_branch", AttributeKind.Graph, Branch(new Node("Neg", [d], [new Value("e")])))));

        static void ExpectCycle(params Node[] nodes)
        {
            var graph = new Graph();
            Array.ForEach(nodes, graph.Add);
            var error = Assert.ThrowsExactly<CompressToolException>(graph.SortTopologically);
            Assert.AreEqual(OnnxErrors.InvalidGraph, error.Code);
            StringAssert.Contains(error.Message, nodes[0].DisplayName);
        }
    }

    [TestMethod]
    public void Edits_anywhere_keep_the_order_of_the_others()
    {
        var graph = new Graph();
        var expected = new List<Node>();
        var random = new Random(1);
        for (var step = 0; step < 2000; step++)
        {
            var index = random.Next(expected.Count + 1);
            var node = new Node("Op", [], [], $"{step}");
            switch (random.Next(4))
            {
                case 0 when index < expected.Count:
                    graph.Remove(expected[index]);
                    expected.RemoveAt(index);
                    break;
                case 1 when index < expected.Count:
                    graph.InsertBefore(expected[index], node);
                    expected.Insert(index, node);
                    break;
                case 2 when index < expected.Count:
                    graph.InsertAfter(expected[index], node);
                    expected.Insert(index + 1, node);
                    break;
                default:
                    graph.Add(node);
                    expected.Add(node);
                    break;
            }
        }

        CollectionAssert.AreEqual(expected, graph.Nodes.ToArray());
        Assert.ThrowsExactly<ArgumentException>(() => graph.Remove(new Node("Op", [], [])));
        Assert.ThrowsExactly<InvalidOperationException>(() => new Graph().Add(expected[0]));
    }

    [TestMethod]
    public void Thousands_of_edits_on_a_large_graph_are_fast()
    {
        // 7,000 nodes that all take one shared value; each gets a node in front and one behind, and is then replaced.
        var graph = new Graph();
        var x = Input(graph, "x");
        var shared = graph.AddInitializer("shared", Tensor.Float(1));
        for (var index = 0; index < 7000; index++)
        {
            x = graph.AddNode(null, "Add", "node", [x, shared]);
        }

        graph.Outputs.Add(x);
        var watch = Stopwatch.StartNew();
        foreach (var node in graph.Nodes.ToArray())
        {
            node.SetInput(0, graph.AddNode(node, "Relu", "before", [node.Inputs[0]]));
            var output = node.Output(0)!;
            var after = graph.AddNode(null, "Mul", "after", [output, shared]);
            output.ReplaceAllUses(after, except: after.Producer);
        }

        foreach (var node in graph.Nodes.Where(node => node.OpType == "Relu").ToArray())
        {
            node.Output(0)!.ReplaceAllUses(node.Inputs[0]!);
            graph.Remove(node);
        }

        graph.SortTopologically();
        Assert.HasCount(14_000, graph.Nodes);
        Assert.AreEqual("node_6999", graph.Outputs[0].Name);
        Assert.IsLessThan(20, watch.Elapsed.TotalSeconds);
    }

    private static Value Input(Graph graph, string name)
    {
        graph.AddInput(new Value(name, new TensorType(DataType.Float, Shape.Scalar)));
        return graph.Inputs[^1];
    }

    private static Graph Branch(params Node[] nodes)
    {
        var graph = new Graph { Name = "branch" };
        foreach (var node in nodes)
        {
            graph.Add(node);
            graph.Outputs.AddRange(node.Outputs.OfType<Value>());
        }

        return graph;
    }
}
