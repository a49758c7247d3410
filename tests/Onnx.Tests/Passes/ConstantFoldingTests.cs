using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;
using CompressTool.Onnx.Passes;
using CompressTool.Onnx.Tests.Inference;

namespace CompressTool.Onnx.Tests.Passes;

[TestClass]
public sealed class ConstantFoldingTests
{
    [TestMethod]
    public void Shape_arithmetic_of_static_exports_disappears()
    {
        foreach (var path in TestModels.Paths)
        {
            using var model = TestModels.Load(path);
            if (model.Graph.Inputs.Any(input => !input.Shape!.IsStatic))
            {
                SymbolBinding.Run(model, TestModels.Bindings(model, batch: 2));
            }

            var declared = model.Graph.Outputs.Select(output => output.Name).ToArray();
            var before = ShapeInference.Analyze(model);
            var shapes = model.Graph.Values().ToDictionary(value => value.Name, value => before.TypeOf(value)!.ToString());
            Assert.IsGreaterThan(0, ConstantFolding.Run(model), path);
            Assert.IsFalse(model.Graph.Nodes.Any(node => node.OpType is "Shape" or "Equal" or "Range" or "ConstantOfShape" && node.Outputs[0]!.ElementType == DataType.Int64), path);
            foreach (var node in model.Graph.Nodes.Where(node => node.Outputs[0]!.ElementType == DataType.Int64 && !node.Is("Constant")))
            {
                // Time steps and class labels are integers too.
                Assert.IsTrue(DependsOnInput(node), $"{path}: {node}");
            }

            Assert.AreEqual(0, ConstantFolding.Run(model), "nothing is left to fold");

            // What is left has the shapes it had.
            ShapeInference.Run(model);
            CollectionAssert.AreEqual(declared, model.Graph.Outputs.Select(output => output.Name).ToArray());
            foreach (var value in model.Graph.Values())
            {
                Assert.AreEqual(shapes[value.Name], value.Type!.ToString(), $"{path}: {value.Name}");
            }
        }
    }

    [TestMethod]
    public void Symbols_that_cancel_out_are_folded_too()
    {
        // [batch, 4] -> sizes batch*4 / batch = 4: a number, whatever the batch.
        using var model = Model("float32[batch,4]");
        var graph = model.Graph;
        var shape = graph.AddNode(null, "Shape", "shape", [graph.Inputs[0]]);
        var all = graph.AddNode(null, "ReduceProd", "all", [shape]);
        var batch = graph.AddNode(null, "Slice", "batch", [shape, graph.AddInitializer("zero", Tensor.Int64s(0)), graph.AddInitializer("one", Tensor.Int64s(1))]);
        var perRow = graph.AddNode(null, "Div", "per_row", [all, batch]);
        graph.Outputs.Add(graph.AddNode(null, "Reshape", "out", [graph.Inputs[0], perRow]));
        Assert.AreEqual(1, ConstantFolding.Run(model));
        Assert.HasCount(2, graph.Nodes);
        Assert.AreEqual("int64[1]{4}", NodeUnderTest.Text(graph.Outputs[0].Producer!.Inputs[1]!.ConstantTensor!));
    }

    [TestMethod]
    public void Results_from_weights_are_weights_and_others_are_not()
    {
        using var model = Model("float32[batch,3]");
        var graph = model.Graph;
        var weight = graph.AddInitializer("weight", Tensor.Floats([2, 3], 1, 2, 3, 4, 5, 6));
        var scale = graph.AddNode(null, "Constant", "scale", [], null, "", Attribute.Tensor("value", Tensor.Floats([1], 0.5f)));
        var half = graph.AddNode(null, "Mul", "half", [scale, scale]);
        var turned = graph.AddNode(null, "Transpose", "turned", [weight]);
        var product = graph.AddNode(null, "MatMul", "product", [graph.Inputs[0], turned]);
        graph.Outputs.Add(graph.AddNode(null, "Mul", "out", [product, half]));
        Assert.AreEqual(2, ConstantFolding.Run(model));
        Assert.AreEqual("turned", graph.Initializers.Single().Name);
        Assert.AreEqual("float32[3,2]{1 4 2 5 3 6}", NodeUnderTest.Text(graph.Initializers[0].Initializer!));
        Assert.AreEqual("float32[3,2]", graph.Initializers[0].Type!.ToString());
        Assert.AreEqual("float32[1]{0.25}", NodeUnderTest.Text(half.ConstantTensor!));
        Assert.AreEqual("Constant", half.Producer!.OpType);
        using var again = Onnx.Model.Parse(model.ToBytes());
        Assert.HasCount(3, again.Graph.Nodes);
    }

    [TestMethod]
    public void Large_weights_are_transposed_only_when_they_are_read()
    {
        const int rows = 300, columns = 500;
        var reads = 0;
        using var model = Model("float32[batch,500]");
        var graph = model.Graph;
        var data = new ComputedData(rows * columns * 4, destination =>
        {
            reads++;
            var numbers = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(destination);
            for (var index = 0; index < numbers.Length; index++)
            {
                numbers[index] = index;
            }
        });
        var weight = graph.AddInitializer("weight", new Tensor(DataType.Float, [rows, columns], data));
        var turned = graph.AddNode(null, "Transpose", "turned", [weight]);
        graph.Outputs.Add(graph.AddNode(null, "MatMul", "out", [graph.Inputs[0], turned]));
        Assert.AreEqual(1, ConstantFolding.Run(model));
        Assert.AreEqual(0, reads);
        var result = graph.Initializers.Single().Initializer!;
        Assert.AreEqual("float32[500,300]", result.ToString());
        var numbers = result.ToArray<float>();
        foreach (var (row, column) in new[] { (0, 0), (0, 299), (499, 0), (123, 45), (64, 63) })
        {
            Assert.AreEqual((column * columns) + row, numbers[(row * rows) + column]);
        }
    }

    [TestMethod]
    public void A_large_weight_with_other_uses_is_not_stored_twice()
    {
        using var model = Model("float32[batch,300]");
        var graph = model.Graph;
        var weight = graph.AddInitializer("weight", new Tensor(DataType.Float, [300, 300], new MemoryData(new byte[300 * 300 * 4])));
        var same = graph.AddNode(null, "Identity", "same", [weight]);
        var turned = graph.AddNode(null, "Transpose", "turned", [same]);
        var first = graph.AddNode(null, "MatMul", "first", [graph.Inputs[0], weight]);
        graph.Outputs.Add(graph.AddNode(null, "MatMul", "out", [first, turned]));
        Assert.AreEqual(1, ConstantFolding.Run(model), "the Identity goes, the Transpose stays");
        Assert.AreEqual(weight, turned.Producer!.Inputs[0]);
        Assert.HasCount(1, graph.Initializers);
    }

    [TestMethod]
    public void Filled_tensors_stay_small_and_outputs_and_random_numbers_stay_nodes()
    {
        using var model = Model("float32[4]");
        var graph = model.Graph;
        Value Filled(string name, params long[] shape) => graph.AddNode(null, "ConstantOfShape", name, [graph.AddInitializer("shape", Tensor.Int64s(shape))]);
        graph.Outputs.Add(graph.AddNode(null, "Neg", "small_negated", [graph.AddNode(null, "Relu", "relu", [Filled("small", 8, 8)])]));
        graph.Outputs.Add(graph.AddNode(null, "Sin", "large_sine", [Filled("large", 128, 128)]));
        graph.Outputs.Add(graph.AddNode(null, "RandomNormal", "noise", [], null, "", Attribute.Ints("shape", 2)));
        ConstantFolding.Run(model);
        CollectionAssert.AreEquivalent(new[] { "Constant", "Neg", "ConstantOfShape", "Sin", "RandomNormal" }, graph.Nodes.Select(node => node.OpType).ToArray());
    }

    [TestMethod]
    public void Subgraphs_and_split_are_folded()
    {
        using var model = Model("bool[]");
        var graph = model.Graph;
        var numbers = graph.AddInitializer("numbers", Tensor.Int64s(1, 2, 3));
        var parts = new Node("Split", [numbers, graph.AddInitializer("sizes", Tensor.Int64s(2, 1))], [new Value("two"), new Value("one")], "split");
        graph.Add(parts);
        var body = new Graph();
        var joined = body.AddNode(null, "Concat", "joined", [parts.Outputs[1], parts.Outputs[0]], null, "", Attribute.Int("axis", 0));
        body.Outputs.Add(body.AddNode(null, "Neg", "negated", [joined]));
        graph.Outputs.Add(graph.AddNode(null, "If", "out", [graph.Inputs[0]], null, "", new Attribute("then_branch", AttributeKind.Graph, body), new Attribute("else_branch", AttributeKind.Graph, Other())));
        Assert.AreEqual(2, ConstantFolding.Run(model));
        Assert.AreEqual("If", graph.Nodes.Single().OpType);
        Assert.AreEqual("int64[3]{3 1 2}", NodeUnderTest.Text(body.Outputs[0].Producer!.Inputs[0]!.ConstantTensor!));
    }

    [TestMethod]
    public void Binding_an_unknown_symbol_is_an_error()
    {
        using var model = Model("float32[batch,3]");
        var error = Assert.ThrowsExactly<CompressToolException>(() => SymbolBinding.Run(model, new Dictionary<string, long> { ["batches"] = 2 }));
        Assert.AreEqual(OnnxErrors.UnknownName, error.Code);
        SymbolBinding.Run(model, new Dictionary<string, long> { ["batch"] = 2 });
        Assert.AreEqual("float32[2,3]", model.Graph.Inputs[0].Type!.ToString());
    }

    private static bool DependsOnInput(Node node) =>
        node.Inputs.Any(input => input!.IsGraphInput || (input.Producer is { } producer && DependsOnInput(producer)));

    private static Graph Other()
    {
        var graph = new Graph();
        graph.Outputs.Add(graph.AddNode(null, "Constant", "other", [], null, "", Attribute.Tensor("value", Tensor.Int64s(4, 5, 6))));
        return graph;
    }

    private static Model Model(string input)
    {
        var model = new Model();
        model.OpsetImports[""] = 21;
        model.Graph.AddInput(new Value("x", NodeUnderTest.ParseType(input)));
        return model;
    }
}
