using CompressTool.Compression.Tests.Quantization;
using CompressTool.Onnx;
using CompressTool.Onnx.Passes;
using CompressTool.Runtime;
using CompressTool.Testing.Models;
using static CompressTool.Compression.Tests.Models.LayerModels;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Models;

[TestClass]
public sealed class BatchNormalizationFoldingTests
{
    public static IEnumerable<object[]> Normalized => ClassicModels.All.Where(classic => classic.Name.Contains("batchnorm", StringComparison.Ordinal)).Select(classic => new object[] { classic });

    public required TestContext TestContext { get; init; }

    [TestMethod]
    [DynamicData(nameof(Normalized))]
    public void Classic_models_compute_the_same(ClassicModel classic)
    {
        using var model = classic.Build();
        var inputs = classic.Inputs(model);
        var before = Run(model, inputs);
        var norms = model.Graph.Nodes.Where(node => node.Is("BatchNormalization")).ToArray();
        var behindLayers = norms.Count(norm => norm.Inputs[0]!.Producer is { OpType: "Conv" or "ConvTranspose" or "Gemm" });
        var weights = model.Graph.Initializers.Where(value => value.Initializer!.Dims.Count == 4).Select(value => value.Name).ToArray();

        Assert.AreEqual(behindLayers, BatchNormalizationFolding.Run(model));

        Assert.IsGreaterThan(2, behindLayers);
        Assert.AreEqual(norms.Length - behindLayers, model.Graph.Nodes.Count(node => node.Is("BatchNormalization")));
        CollectionAssert.IsSubsetOf(weights, model.Graph.Initializers.Select(value => value.Name).ToArray(), "weights keep their names");
        Assert.IsTrue(model.Graph.Initializers.All(value => !value.IsUnused));
        AssertClose(before, Run(model, inputs));
        Assert.AreEqual(0, BatchNormalizationFolding.Run(model));
    }

    /// <summary>The exporter folds as well; both must arrive at the same weights.</summary>
    [TestMethod]
    public void Weights_are_those_that_the_exporter_computes()
    {
        using var model = ClassicModels.Get("resnet/batchnorm-static").Build();
        using var exported = ClassicModels.Get("resnet/static").Build();
        BatchNormalizationFolding.Run(model);

        var layers = model.Graph.Nodes.Where(node => node.Is("Conv")).ToArray();
        foreach (var (ours, theirs) in layers.Zip(exported.Graph.Nodes.Where(node => node.Is("Conv"))))
        {
            foreach (var index in new[] { 1, 2 })
            {
                // It adds epsilon in float32.
                var (numbers, expected) = (ours.Inputs[index]!.Initializer!.ToFloats(), theirs.Inputs[index]!.Initializer!.ToFloats());
                Assert.IsTrue(numbers.Zip(expected).All(pair => Math.Abs(pair.First - pair.Second) <= 5e-7 * Math.Max(0.1, Math.Abs(pair.Second))));
            }
        }

        Assert.AreEqual("layer1.0.conv1.bias", layers[1].Inputs[2]!.Name);
    }

    [TestMethod]
    [DataRow("Conv", 1, true, DataType.Float, DisplayName = "Conv")]
    [DataRow("Conv", 3, false, DataType.Float, DisplayName = "Conv in groups, without bias")]
    [DataRow("Conv", 6, true, DataType.Float, DisplayName = "Conv, depthwise")]
    [DataRow("ConvTranspose", 1, true, DataType.Float, DisplayName = "ConvTranspose")]
    [DataRow("ConvTranspose", 2, false, DataType.Float, DisplayName = "ConvTranspose in groups, without bias")]
    [DataRow("ConvTranspose", 6, true, DataType.Float, DisplayName = "ConvTranspose, depthwise")]
    [DataRow("Gemm", 0, true, DataType.Float, DisplayName = "Gemm")]
    [DataRow("Gemm", 1, true, DataType.Float, DisplayName = "Gemm transB")]
    [DataRow("Gemm", 1, false, DataType.Float, DisplayName = "Gemm without bias")]
    [DataRow("Conv", 2, true, DataType.Float16, DisplayName = "Conv in float16")]
    [DataRow("ConvTranspose", 3, true, DataType.Float16, DisplayName = "ConvTranspose in float16")]
    [DataRow("Gemm", 1, true, DataType.Float16, DisplayName = "Gemm in float16")]
    public void Layers_compute_the_same(string op, int variant, bool hasBias, DataType type)
    {
        foreach (var seed in Enumerable.Range(1, 4))
        {
            using var model = Layer(op, variant, hasBias, type, seed);
            var graph = model.Graph;
            Append(model, "BatchNormalization", Parameters(graph, type, seed), Attribute.Float("epsilon", 0.01f));
            Append(model, "Mul", [Constant(graph, "factor", type, seed + 50, PerChannel(op))]);
            Append(model, "Sub", [Constant(graph, "shift", type, seed + 51, PerChannel(op))]);
            Append(model, "Div", [graph.AddInitializer("divisor", Cast(Tensor.Float(1.7f), type))]);
            graph.Outputs[0].Name = "y";
            var inputs = Input(model, "x", seed);
            var before = Run(model, inputs);

            Assert.AreEqual(4, BatchNormalizationFolding.Run(model));

            Assert.AreEqual(op, graph.Nodes.Single().OpType);
            Assert.AreEqual("y", graph.Outputs.Single().Name);
            Assert.HasCount(2, graph.Initializers);
            Assert.IsTrue(graph.Initializers.All(value => value.Initializer!.Type == type));
            AssertClose(before, Run(model, inputs), type == DataType.Float ? 1e-5 : 4e-3);
        }
    }

    [TestMethod]
    public void Large_weights_are_scaled_when_they_are_read()
    {
        using var model = new Model();
        model.OpsetImports[""] = 17;
        var x = new Value("x", new TensorType(DataType.Float, new Shape(1, 300)));
        model.Graph.AddInput(x);
        var reads = 0;
        var source = RandomTensors.Normal("w", 0, 1, 300, 1100);
        var counted = new Tensor(DataType.Float, [300, 1100], new ComputedData(source.ByteLength, bytes =>
        {
            reads++;
            source.Data.Read(0, bytes);
        }));
        var factors = RandomTensors.Normal("f", 0, 1, 1100);
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "Gemm", "fc", [x, model.Graph.AddInitializer("w", counted)]));
        Append(model, "Mul", [model.Graph.AddInitializer("f", factors)]);

        Assert.AreEqual(1, BatchNormalizationFolding.Run(model));

        Assert.AreEqual(0, reads);
        var (weights, scaled) = (source.ToFloats(), model.Graph.Nodes.Single().Inputs[1]!.Initializer!.ToFloats());
        Assert.IsGreaterThan(0, reads);
        CollectionAssert.AreEqual(weights.Select((weight, index) => (float)((double)weight * factors.ToFloats()[index % 1100])).ToArray(), scaled);
    }

    [TestMethod]
    public void Shared_weights_are_copied()
    {
        using var model = Layer("Conv", 1, true, DataType.Float, 1);
        var graph = model.Graph;
        var layer = graph.Nodes[0];
        var second = graph.AddNode(null, "Conv", "second", layer.Inputs);
        graph.Outputs.Add(second);
        Append(model, "BatchNormalization", Parameters(graph, DataType.Float, 1));
        var inputs = Input(model, "x", 1);
        var before = Run(model, inputs);

        Assert.AreEqual(1, BatchNormalizationFolding.Run(model));

        Assert.AreEqual("w", second.Producer!.Inputs[1]!.Name);
        Assert.AreNotSame(second.Producer.Inputs[1], layer.Inputs[1]);
        AssertClose(before, Run(model, inputs));
    }

    [TestMethod]
    public void Large_shared_weights_stay()
    {
        using var model = Layer("Gemm", 0, true, DataType.Float, 1, width: 70_000);
        var graph = model.Graph;
        graph.Outputs.Add(graph.AddNode(null, "Gemm", "second", graph.Nodes[0].Inputs));
        Append(model, "BatchNormalization", Parameters(graph, DataType.Float, 1, 6));
        Assert.AreEqual(0, BatchNormalizationFolding.Run(model));
        graph.Outputs.RemoveAt(1);
        graph.RemoveUnused();
        Assert.AreEqual(1, BatchNormalizationFolding.Run(model));
    }

    [TestMethod]
    public void Beta_of_Gemm_counts()
    {
        using var model = Layer("Gemm", 0, true, DataType.Float, 1);
        model.Graph.Nodes[0].SetAttribute(Attribute.Float("beta", 0.5f));
        model.Graph.Nodes[0].SetAttribute(Attribute.Float("alpha", 2f));
        Append(model, "BatchNormalization", Parameters(model.Graph, DataType.Float, 1));
        var inputs = Input(model, "x", 1);
        var before = Run(model, inputs);
        Assert.AreEqual(1, BatchNormalizationFolding.Run(model));
        AssertClose(before, Run(model, inputs));
    }

    [TestMethod]
    public void A_scalar_bias_becomes_one_per_channel()
    {
        using var model = Layer("Gemm", 1, false, DataType.Float, 1);
        model.Graph.Nodes[0].AddInput(model.Graph.AddInitializer("c", Tensor.Float(3)));
        Append(model, "Add", [Constant(model.Graph, "shift", DataType.Float, 1, [Channels])]);
        var inputs = Input(model, "x", 1);
        var before = Run(model, inputs);
        Assert.AreEqual(1, BatchNormalizationFolding.Run(model));
        AssertClose(before, Run(model, inputs));
        CollectionAssert.AreEqual(new[] { Channels }, model.Graph.FindValue("c")!.Initializer!.Dims.ToArray());
    }

    [TestMethod]
    public void Constants_that_old_models_list_as_inputs_are_weights()
    {
        using var model = Layer("Conv", 1, false, DataType.Float, 1);
        Append(model, "BatchNormalization", Parameters(model.Graph, DataType.Float, 1));
        var inputs = Input(model, "x", 1);
        var before = Run(model, inputs);
        foreach (var value in model.Graph.Initializers)
        {
            model.Graph.AddInput(value);
        }

        Assert.AreEqual(0, BatchNormalizationFolding.Run(model), "feeds may override them");
        model.IrVersion = 3;
        Assert.AreEqual(1, BatchNormalizationFolding.Run(model));
        AssertClose(before, Run(model, inputs));
        CollectionAssert.AreEqual(new[] { "x", "w" }, model.Graph.Inputs.Select(input => input.Name).ToArray());
        Assert.AreEqual(4, model.IrVersion);
    }

    [TestMethod]
    public void Branches_are_folded_too()
    {
        using var model = new Model();
        model.OpsetImports[""] = 17;
        var (condition, x) = (new Value("c", new TensorType(DataType.Bool, new Shape())), new Value("x", new TensorType(DataType.Float, new Shape(4, 6))));
        model.Graph.AddInput(condition);
        model.Graph.AddInput(x);
        var (then, other) = (new Graph { Name = "then" }, new Graph { Name = "other" });
        var layer = then.AddNode(null, "Gemm", "fc", [x, Constant(model.Graph, "w", DataType.Float, 1, [6, Channels])]);
        then.Outputs.Add(then.AddNode(null, "Mul", "mul", [layer, Constant(then, "factor", DataType.Float, 2, [Channels])]));
        other.Outputs.Add(other.AddNode(null, "Identity", "same", [x]));
        model.Graph.Outputs.Add(model.Graph.AddNode(
            null, "If", "if", [condition], x.Type, "", new Attribute("then_branch", AttributeKind.Graph, then), new Attribute("else_branch", AttributeKind.Graph, other)));
        var inputs = Input(model, "x", 1);
        inputs["c"] = Tensor.Create<bool>(DataType.Bool, [], [true]);
        var before = Run(model, inputs);

        Assert.AreEqual(1, BatchNormalizationFolding.Run(model));

        Assert.AreEqual("Gemm", then.Nodes.Single().OpType);
        AssertClose(before, Run(model, inputs));
    }

    private static Dictionary<string, Tensor> Run(Model model, IReadOnlyDictionary<string, Tensor> inputs) => ModelRunner.Run(model.ToBytes(), inputs, GraphOptimizationLevel.DisableAll);

    private static void AssertClose(Dictionary<string, Tensor> expected, Dictionary<string, Tensor> actual, double tolerance = 1e-5)
    {
        foreach (var (name, tensor) in expected)
        {
            var (numbers, others) = (tensor.ToFloats(), actual[name].ToFloats());
            var scale = numbers.Max(Math.Abs);
            Assert.IsTrue(numbers.Zip(others).All(pair => Math.Abs(pair.First - pair.Second) <= tolerance * scale), name);
        }
    }
}
