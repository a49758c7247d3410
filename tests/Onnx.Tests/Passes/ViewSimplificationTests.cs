using CompressTool.Onnx.Inference;
using CompressTool.Onnx.Passes;
using CompressTool.Onnx.Tests.Inference;

namespace CompressTool.Onnx.Tests.Passes;

[TestClass]
public sealed class ViewSimplificationTests
{
    [TestMethod]
    public void Exported_models_keep_all_shapes_and_lose_shape_arithmetic()
    {
        var all = 0;
        foreach (var path in TestModels.Paths)
        {
            using var model = TestModels.Load(path);
            ConstantFolding.Run(model);
            var before = ShapeInference.Analyze(model);
            var shapes = model.Graph.Values().ToDictionary(value => value.Name, value => before.TypeOf(value)!.ToString());
            var (nodes, declared) = (model.Graph.Nodes.Count, model.Graph.Outputs.Select(output => output.Name).ToArray());

            // Exports of fixed shapes have little that folding leaves.
            var count = ViewSimplification.Run(model);
            all += count;
            Assert.IsLessThanOrEqualTo(nodes, model.Graph.Nodes.Count, path);
            Assert.AreEqual(0, ViewSimplification.Run(model), "nothing is left to simplify");
            CollectionAssert.AreEqual(declared, model.Graph.Outputs.Select(output => output.Name).ToArray());
            var after = ShapeInference.Analyze(model);
            foreach (var value in model.Graph.Values().Where(value => shapes.ContainsKey(value.Name)))
            {
                Assert.AreEqual(shapes[value.Name], after.TypeOf(value)!.ToString(), $"{path}: {value.Name}");
            }
        }

        Assert.IsGreaterThan(20, all);
    }

    [TestMethod]
    public void A_third_of_the_nodes_of_an_export_with_open_batch_go()
    {
        using var model = TestModels.Cifar();
        ConstantFolding.Run(model);
        var before = model.Graph.Nodes.Count(node => !node.Is("Constant"));
        ViewSimplification.Run(model);

        Assert.AreEqual((1086, 719), (before, model.Graph.Nodes.Count(node => !node.Is("Constant"))));
    }

    [TestMethod]
    [DataRow("float32[batch,6,4]", "Reshape 0,2,3,4; Reshape 0,24", "Reshape -1,24", DisplayName = "the last does all")]
    [DataRow("float32[batch,6,4]", "Unsqueeze 1; Unsqueeze 1", "Reshape -1,1,1,6,4", DisplayName = "of other views too")]
    [DataRow("float32[batch,6,4]", "Unsqueeze 1", "Unsqueeze 1", DisplayName = "a single one is simple")]
    [DataRow("float32[batch,6,4]", "Unsqueeze 1; Transpose 0,2,1,3", "Reshape -1,6,1,4", DisplayName = "an axis of length one moves")]
    [DataRow("float32[batch,6,4]", "Transpose 0,2,1", "Transpose 0,2,1", DisplayName = "others do not")]
    [DataRow("float32[batch,1,4]", "Transpose 1,0,2", "Reshape 1,-1,4", DisplayName = "an open length moves past one")]
    [DataRow("float32[batch,6,4]", "Reshape 0,2,3,4; Reshape 0,6,4; Relu", "Relu", DisplayName = "and back")]
    [DataRow("float32[batch,6,4]", "Reshape 0,2,3,4; Reshape 0,6,4", "Reshape -1,6,4", DisplayName = "and back, to an output")]
    [DataRow("float32[batch,6,length]", "Unsqueeze 1; Unsqueeze 1", "Unsqueeze 1; Unsqueeze 1", DisplayName = "two open lengths stay")]
    [DataRow("float32[2,0,4]", "Unsqueeze 1; Unsqueeze 1", "Unsqueeze 1; Unsqueeze 1", DisplayName = "nothing stays nothing")]
    [DataRow("float32[batch,6,4]", "Reshape shape:24", "Reshape -1,24", DisplayName = "a computed target")]
    public void Views_become(string input, string views, string expected)
    {
        using var model = new Model();
        model.OpsetImports[""] = 21;
        var graph = model.Graph;
        graph.AddInput(new Value("x", NodeUnderTest.ParseType(input)));
        var value = graph.Inputs[0];
        foreach (var view in views.Split("; "))
        {
            value = Add(graph, value, view.Split(' '));
        }

        graph.Outputs.Add(value);
        ViewSimplification.Run(model);

        Assert.AreEqual(expected, string.Join("; ", graph.Nodes.Where(node => !node.Is("Constant")).Select(Text)));
        ShapeInference.Run(model);
    }

    private static Value Add(Graph graph, Value value, string[] words)
    {
        var numbers = words.Length < 2 ? [] : words[1].Split(':')[^1].Split(',').Select(long.Parse).ToArray();
        if (words[0] == "Transpose")
        {
            return graph.AddNode(null, "Transpose", "t", [value], null, "", Attribute.Ints("perm", numbers));
        }

        if (words is ["Reshape", var text] && text.StartsWith("shape:", StringComparison.Ordinal))
        {
            var batch = graph.AddNode(null, "Gather", "batch", [graph.AddNode(null, "Shape", "shape", [value]), graph.AddInitializer(graph.UniqueName("zero"), Tensor.Int64s(0))]);
            var target = graph.AddNode(null, "Concat", "target", [batch, graph.AddInitializer(graph.UniqueName("rest"), Tensor.Int64s(numbers))], null, "", Attribute.Int("axis", 0));
            return graph.AddNode(null, "Reshape", "r", [value, target]);
        }

        return graph.AddNode(null, words[0], "v", words.Length < 2 ? [value] : [value, graph.AddInitializer(graph.UniqueName("numbers"), Tensor.Int64s(numbers))]);
    }

    private static string Text(Node node)
    {
        var numbers = node.GetInts("perm") ?? (node.Input(1) is { } second ? (second.Initializer ?? second.ConstantTensor)!.ToInt64s() : null);
        return numbers is null ? node.OpType : $"{node.OpType} {string.Join(',', numbers)}";
    }
}
