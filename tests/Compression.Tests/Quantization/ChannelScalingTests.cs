using CompressTool.Compression.Quantization;
using CompressTool.Compression.Tests.Quantization.Static;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Testing.Models;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>Channels of a value are divided in the constants that it is computed from.</summary>
[TestClass]
public sealed class ChannelScalingTests
{
    public required TestContext TestContext { get; init; }

    /// <summary>Names, and how many inputs of layers can be divided.</summary>
    public static IEnumerable<object[]> Names =>
    [
        ["vit/static", 10], // Of each block queries' layer, the output's and the first of the mlp; the last layer.
        ["vit/dynamic", 10],
        ["vit/decomposed-static", 10],
        ["vit/decomposed-dynamic", 10],
        ["gpt2/static", 7],
        ["gpt2/dynamic", 7],
        ["llama/static", 7], // Of each layer both normalisations and the gate; the last normalisation.
        ["llama/dynamic", 7],
        ["bert/static", 3], // Attention and the pooled one: sums with residuals read the normalised values, too.
        ["dit/static", 7],
        ["swin/static", 8],
        ["convnext/static", 4],
        ["unet2d-cond/model_op17.onnx/io", 20],
        ["dit/model_op14.onnx/io", 2],
    ];

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Outputs_stay_what_they_are(string name, int least)
    {
        if (name.Contains(".onnx", StringComparison.Ordinal) && !SampleModels.All.Any(model => model.Name == name))
        {
            Assert.Inconclusive("The oracles are not here.");
        }

        var (load, inputs) = StaticModelsTests.Open(name);
        using var model = load();
        ShapeInference.Run(model);
        var expected = ModelRunner.Run(model.ToBytes(), inputs);
        var nodes = model.Graph.Nodes.Count;
        var (divided, reasons) = (0, new List<string>());
        var layers = Layers.Find(model.Graph).Where(layer => layer.Kind is LayerKind.MatMul or LayerKind.Gemm && layer.Uses.All(use => use.Index == 1) && ChannelScaling.Unfit(layer) is null).ToList();
        var found = layers.GroupBy(layer => layer.Node.Inputs[0]!)
            .Select(group => (Scaling: ChannelScaling.Find(group.Key, [.. group.SelectMany(layer => layer.Uses).Select(use => use.Node)], ChannelScaling.LayersByNode(model.Graph)), Layers: group.ToList())).ToList();
        foreach (var (scaling, readers) in found)
        {
            if (scaling.Reason is { } reason)
            {
                reasons.Add($"{readers[0].Name}: {reason}");
                continue;
            }

            var scales = RandomTensors.Uniform(readers[0].Name, -2, 2, scaling.Channels).ToFloats().Select(x => MathF.Pow(2, x)).ToArray();
            scaling.Divide(scales);
            readers.ForEach(layer => ChannelScaling.MultiplyRows(layer, scales));
            divided++;
        }

        TestContext.WriteLine($"{name}: {divided} of {found.Count}\n{string.Join('\n', reasons)}");
        var actual = ModelRunner.Run(model.ToBytes(), inputs);
        foreach (var (output, tensor) in expected)
        {
            Assert.IsGreaterThan(100, ModelRunner.SnrDb(tensor, actual[output]), output);
        }

        Assert.AreEqual(nodes, model.Graph.Nodes.Count);
        Assert.IsGreaterThanOrEqualTo(least, divided);
    }

    [TestMethod]
    public void A_normalisation_and_the_rows_of_its_readers_change_and_nothing_else()
    {
        using var model = Open(graph => Read(graph, graph.AddNode(null, "LayerNormalization", "n", [graph.Inputs[0], Constant(graph, "gamma", 2, 4), Constant(graph, "beta", 1, 3)])));
        var scaling = Find(model, out var layer);
        Assert.IsNull(scaling.Reason);
        scaling.Divide([2, 4]);
        ChannelScaling.MultiplyRows(layer, [2, 4]);
        CollectionAssert.AreEqual(new[] { 1f, 1f }, Numbers(model, "gamma"));
        CollectionAssert.AreEqual(new[] { 0.5f, 0.75f }, Numbers(model, "beta"));
        CollectionAssert.AreEqual(new[] { 2f, 4f, 12f, 16f }, Numbers(model, "w"));
    }

    [TestMethod]
    public void Numbers_that_others_use_too_get_a_constant_of_their_own()
    {
        using var model = Open(graph =>
        {
            var shared = Constant(graph, "c", 0.5f, 2);
            graph.Outputs.Add(graph.AddNode(null, "Sin", "s", [shared], new TensorType(DataType.Float, null)));
            return Read(graph, graph.AddNode(null, "Mul", "m", [graph.AddNode(null, "Sin", "x'", [graph.Inputs[0]]), shared]));
        });
        Find(model, out _).Divide([2, 4]);
        CollectionAssert.AreEqual(new[] { 0.5f, 2 }, Numbers(model, "c"));
        CollectionAssert.AreEqual(new[] { 0.25f, 0.5f }, model.Graph.Nodes.Single(node => node.Is("Mul")).Inputs[1]!.Initializer!.ToFloats());
    }

    [TestMethod]
    public void A_part_of_a_layer_is_scaled_where_only_a_part_is_read()
    {
        using var model = Open(graph =>
        {
            var both = graph.AddNode(null, "Gemm", "g", [graph.Inputs[0], Constant(graph, "v", [2, 4], 1, 2, 3, 4, 5, 6, 7, 8), Constant(graph, "b", 1, 2, 3, 4)]);
            var parts = new Node("Split", [both], [new Value("left"), new Value("right")], "split", "", Attribute.Int("axis", 1));
            graph.Add(parts);
            return graph.AddNode(null, "Add", "y", [graph.AddNode(null, "Sin", "sine", [parts.Outputs[0]!]), Read(graph, parts.Outputs[1]!)]);
        });
        var scaling = Find(model, out _);
        Assert.IsNull(scaling.Reason);
        scaling.Divide([2, 4]);
        CollectionAssert.AreEqual(new[] { 1, 2, 1.5f, 1, 5, 6, 3.5f, 2 }, Numbers(model, "v"));
        CollectionAssert.AreEqual(new[] { 1, 2, 1.5f, 1 }, Numbers(model, "b"));
    }

    [TestMethod]
    public void What_cannot_be_divided_says_why()
    {
        Assert.AreEqual("'x' is not computed", Reason(graph => Read(graph, graph.Inputs[0])));
        Assert.AreEqual("'s' (Sigmoid) makes it, which has no scale", Reason(graph => Read(graph, graph.AddNode(null, "Sigmoid", "s", [graph.Inputs[0]]))));
        Assert.AreEqual("'s' (Sigmoid) makes it, which has no scale", Reason(graph => Read(graph, graph.AddNode(null, "Mul", "m", [graph.AddNode(null, "Sigmoid", "s", [graph.Inputs[0]]), Constant(graph, "half", 0.5f)]))));
        Assert.AreEqual("'t' reads 'm', too", Reason(graph =>
        {
            var value = graph.AddNode(null, "Mul", "m", [graph.Inputs[0], Constant(graph, "c", 1, 2)]);
            return graph.AddNode(null, "Add", "y", [Read(graph, value), graph.AddNode(null, "Sin", "t", [value])]);
        }));
        Assert.AreEqual("several nodes read 'x'", Reason(graph => Read(graph, graph.AddNode(null, "Add", "a", [graph.AddNode(null, "Mul", "m", [graph.Inputs[0], Constant(graph, "c", 1, 2)]), graph.Inputs[0]]))));
        Assert.AreEqual("the weight of 'g' (Gemm) cannot be scaled", Reason(graph =>
        {
            var weight = Constant(graph, "v", [2, 2], 1, 2, 3, 4);
            graph.Outputs.Add(graph.AddNode(null, "Sin", "other", [weight], new TensorType(DataType.Float, null)));
            return Read(graph, graph.AddNode(null, "Gemm", "g", [graph.Inputs[0], weight]));
        }));
    }

    private static string? Reason(Func<Graph, Value> build)
    {
        using var model = Open(build);
        return Find(model, out _).Reason;
    }

    private static ChannelScaling Find(Model model, out Layer layer)
    {
        var layers = ChannelScaling.LayersByNode(model.Graph);
        layer = layers.Values.Single(one => one.Weight.Name == "w");
        return ChannelScaling.Find(layer.Node.Inputs[0]!, [layer.Node], layers);
    }

    private static Value Read(Graph graph, Value value) => graph.AddNode(null, "MatMul", "read", [value, Constant(graph, "w", [2, 2], 1, 2, 3, 4)]);

    private static Value Constant(Graph graph, string name, params float[] numbers) => Constant(graph, name, [numbers.Length], numbers);

    private static Value Constant(Graph graph, string name, long[] dims, params float[] numbers) => graph.AddInitializer(name, Tensor.Floats(dims, numbers));

    private static float[] Numbers(Model model, string name) => model.Graph.FindValue(name)!.Initializer!.ToFloats();

    private static Model Open(Func<Graph, Value> build)
    {
        var model = new Model { IrVersion = 8 };
        model.OpsetImports[""] = 17;
        model.Graph.AddInput(new Value("x", new TensorType(DataType.Float, Shape.Of([3, 2]))));
        var output = build(model.Graph);
        output.Type = new TensorType(DataType.Float, null);
        model.Graph.Outputs.Add(output);
        ShapeInference.Run(model);
        return model;
    }
}
