using CompressTool.Onnx;

namespace CompressTool.Compression.Tests;

[TestClass]
public sealed class LayersTests
{
    [TestMethod]
    [DataRow("down.0.to_q.weight", "/other/MatMul", "down.0.to_q", DisplayName = "State-dict name")]
    [DataRow("onnx::MatMul_1470", "/down_blocks.1/attentions.0/to_q/MatMul", "down_blocks.1.attentions.0.to_q", DisplayName = "Module path")]
    [DataRow("onnx::MatMul_1470", "/a/to_q/MatMul_1", "a.to_q", DisplayName = "Numbered operator")]
    [DataRow("/a/Constant_output_0", "/a/b/MatMul", "a.b", DisplayName = "Constant")]
    [DataRow("1470", "MatMul_12", "MatMul_12", DisplayName = "Old exporter")]
    [DataRow("attn.in_proj_weight", "/attn/MatMul", "attn.in_proj_weight", DisplayName = "Parameter of another name")]
    [DataRow("onnx::MatMul_7", "", "onnx::MatMul_7", DisplayName = "Nothing else known")]
    public void Name_comes_from_the_weight_or_the_module_path(string weight, string node, string expected)
    {
        var builder = new GraphBuilder();
        builder.MatMul(node, builder.Weight(weight, 4, 8));

        Assert.AreEqual(expected, Layers.Find(builder.Graph).Single().Name);
    }

    [TestMethod]
    public void Names_are_unique()
    {
        var builder = new GraphBuilder();
        builder.MatMul("/attn/MatMul", builder.Weight("onnx::MatMul_1", 4, 8));
        builder.MatMul("/attn/MatMul_1", builder.Weight("onnx::MatMul_2", 4, 8));
        builder.MatMul("/attn/MatMul_2", builder.Weight("onnx::MatMul_3", 4, 8));

        CollectionAssert.AreEqual(new[] { "attn", "attn#2", "attn#3" }, Layers.Find(builder.Graph).Select(layer => layer.Name).ToArray());
    }

    [TestMethod]
    [DataRow("MatMul", "", 1, 0, 4L)]
    [DataRow("Gemm", "", 1, 0, 4L)]
    [DataRow("Gemm", "transB", 0, 1, 8L)]
    public void Axes_of_a_matrix(string op, string transpose, int output, int input, long channels)
    {
        var builder = new GraphBuilder();
        builder.Add(op, "n", [builder.Input, builder.Weight("w", 4, 8)], transpose.Length > 0 ? [Onnx.Attribute.Int(transpose, 1)] : []);

        var layer = Layers.Find(builder.Graph).Single();

        Assert.AreEqual((output, input, channels), (layer.OutputAxis, layer.InputAxis, layer.InputChannelsPerGroup));
        Assert.IsTrue(layer.IsDirect);
    }

    [TestMethod]
    public void Axes_of_a_matrix_on_the_left()
    {
        var builder = new GraphBuilder();
        builder.Add("MatMul", "n", [builder.Weight("w", 4, 8), builder.Input]);
        builder.Add("Gemm", "m", [builder.Weight("v", 4, 8), builder.Input], Onnx.Attribute.Int("transA", 1));

        var layers = Layers.Find(builder.Graph);

        Assert.AreEqual((0, 1, 0), (layers[0].OutputAxis, layers[0].InputAxis, layers[0].Uses[0].Index));
        Assert.AreEqual((1, 0), (layers[1].OutputAxis, layers[1].InputAxis));
    }

    [TestMethod]
    public void Axes_and_groups_of_convolutions()
    {
        var builder = new GraphBuilder();
        builder.Conv("a", builder.Weight("a", 8, 2, 3, 3), groups: 4);
        builder.Conv("b", builder.Weight("b", 8, 2, 3, 3), groups: 4, op: "ConvTranspose");

        var layers = Layers.Find(builder.Graph);

        Assert.AreEqual((LayerKind.Conv, 0, 1, 4, 2L), (layers[0].Kind, layers[0].OutputAxis, layers[0].InputAxis, layers[0].Groups, layers[0].InputChannelsPerGroup));
        Assert.AreEqual((LayerKind.ConvTranspose, 1, 0, 4, 2L), (layers[1].Kind, layers[1].OutputAxis, layers[1].InputAxis, layers[1].Groups, layers[1].InputChannelsPerGroup));
    }

    [TestMethod]
    public void Weight_behind_a_chain_has_its_stored_axes()
    {
        // Linear [out 6, in 4] -> Cast -> Transpose [4, 6] -> Transpose [6, 4] -> Reshape [6, 4, 1, 1] of a 1x1 convolution.
        var builder = new GraphBuilder();
        var value = builder.Add("Cast", "", [builder.Weight("w.weight", 6, 4)], Onnx.Attribute.Int("to", 1));
        value = builder.Add("Transpose", "", [value]);
        value = builder.Add("Transpose", "", [value], Onnx.Attribute.Ints("perm", 1, 0));
        value = builder.Add("Identity", "", [value]);
        value = builder.Add("Reshape", "", [value, builder.Graph.AddInitializer("shape", Tensor.Int64s(0, -1, 1, 1))]);
        builder.Conv("conv", value);

        var layer = Layers.Find(builder.Graph).Single();

        Assert.AreEqual(("w", 0, 1, false), (layer.Name, layer.OutputAxis, layer.InputAxis, layer.IsDirect));
    }

    [TestMethod]
    public void Transposed_weight_has_swapped_axes()
    {
        var builder = new GraphBuilder();
        builder.MatMul("m", builder.Add("Transpose", "", [builder.Weight("w.weight", 6, 4)], Onnx.Attribute.Ints("perm", 1, 0)));

        var layer = Layers.Find(builder.Graph).Single();

        Assert.AreEqual((0, 1), (layer.OutputAxis, layer.InputAxis));
    }

    [TestMethod]
    public void Squeezed_and_unsqueezed_weight_keeps_its_axes()
    {
        var builder = new GraphBuilder();
        var value = builder.Add("Unsqueeze", "", [builder.Weight("w.weight", 6, 4), builder.Graph.AddInitializer("axes", Tensor.Int64s(-1))]);
        builder.Conv("conv", value);
        builder.MatMul("m", builder.Add("Squeeze", "", [builder.Weight("v.weight", 6, 4, 1)], Onnx.Attribute.Ints("axes", 2)));

        var layers = Layers.Find(builder.Graph);

        Assert.AreEqual((0, 1), (layers[0].OutputAxis, layers[0].InputAxis));
        Assert.AreEqual((1, 0), (layers[1].OutputAxis, layers[1].InputAxis));
    }

    [TestMethod]
    public void Reshape_that_mixes_axes_leaves_them_unknown()
    {
        var builder = new GraphBuilder();
        builder.MatMul("m", builder.Add("Reshape", "", [builder.Weight("w", 4, 3, 8), builder.Graph.AddInitializer("shape", Tensor.Int64s(12, 8))]));

        var layer = Layers.Find(builder.Graph).Single();

        Assert.IsNull(layer.InputAxis);
        Assert.AreEqual(2, layer.OutputAxis);
        Assert.IsNull(layer.InputChannelsPerGroup);
    }

    [TestMethod]
    public void Shared_weight_is_one_layer()
    {
        var builder = new GraphBuilder();
        var weight = builder.Weight("w.weight", 4, 4);
        builder.MatMul("first", weight);
        builder.MatMul("second", weight);

        var layer = Layers.Find(builder.Graph).Single();

        CollectionAssert.AreEqual(new[] { "first", "second" }, layer.Uses.Select(use => use.Node.Name).ToArray());
        Assert.AreEqual(0, layer.InputAxis);
    }

    [TestMethod]
    public void Shared_weight_whose_nodes_disagree_has_no_axes()
    {
        var builder = new GraphBuilder();
        var weight = builder.Weight("w.weight", 4, 4);
        builder.MatMul("first", weight);
        builder.MatMul("second", builder.Add("Transpose", "", [weight]));

        Assert.IsNull(Layers.Find(builder.Graph).Single().InputAxis);
    }

    [TestMethod]
    public void Products_without_one_weight_are_no_layers()
    {
        var builder = new GraphBuilder();
        builder.Add("MatMul", "activations", [builder.Input, builder.Input]);
        builder.Add("MatMul", "constants", [builder.Weight("a", 4, 4), builder.Weight("b", 4, 4)]);
        builder.Add("MatMul", "vector", [builder.Input, builder.Weight("c", 4)]);
        builder.Add("MatMul", "integers", [builder.Input, builder.Weight("d", Tensor.Create<long>(DataType.Int64, [1, 1], [1]))]);
        builder.Add("Add", "add", [builder.Input, builder.Weight("e", 4, 4)]);

        Assert.IsEmpty(Layers.Find(builder.Graph));
    }

    [TestMethod]
    public void Weights_in_constant_nodes_and_graph_inputs_count_and_can_be_replaced()
    {
        var builder = new GraphBuilder();
        var constant = builder.Add("Constant", "", [], Onnx.Attribute.Tensor("value", Tensor.Floats([1, 2], 1, 2)));
        var input = builder.Weight("w", 2, 2);
        builder.Graph.AddInput(input);
        builder.MatMul("a", constant);
        builder.MatMul("b", input);

        var layers = Layers.Find(builder.Graph);
        foreach (var layer in layers)
        {
            layer.Replace(Tensor.Floats([1, 2], 3, 4));
        }

        using var again = Model.Parse(builder.Model.ToBytes());
        var saved = Layers.Find(again.Graph);
        Assert.HasCount(2, saved);
        CollectionAssert.AreEqual(new[] { 3f, 4f }, saved[0].Tensor.ToFloats());
        CollectionAssert.AreEqual(new[] { 3f, 4f }, saved[1].Tensor.ToFloats());
    }

    [TestMethod]
    public void Layers_in_subgraphs_are_found_behind_those_outside()
    {
        var builder = new GraphBuilder();
        var weight = builder.Weight("w", 2, 2);
        var inner = new Graph();
        var output = new Value("inner");
        inner.Add(new Node("MatMul", [builder.Input, weight], [output], "inside"));
        inner.Outputs.Add(output);
        builder.Add("If", "if", [builder.Input], new Onnx.Attribute("then_branch", AttributeKind.Graph, inner));
        builder.MatMul("outside", builder.Weight("v", 2, 2));

        CollectionAssert.AreEqual(new[] { "outside", "inside" }, Layers.Find(builder.Graph).Select(layer => layer.Node.Name).ToArray());
    }

    [TestMethod]
    public void Exported_model_has_the_modules_names()
    {
        if (Repository.Oracle("unet2d-cifarstyle") is not { } folder)
        {
            Assert.Inconclusive("no oracles");
            return;
        }

        using var folded = Model.Load(Path.Combine(folder, "model_op14.onnx"));
        using var unfolded = Model.Load(Path.Combine(folder, "model_op17_nofold.onnx"));

        var names = Layers.Find(folded.Graph).Select(layer => layer.Name).ToArray();

        CollectionAssert.AreEqual(names, Layers.Find(unfolded.Graph).Select(layer => layer.Name).ToArray());
        CollectionAssert.Contains(names, "down_blocks.1.attentions.0.to_q");
        CollectionAssert.Contains(names, "conv_in");
        CollectionAssert.DoesNotContain(names, "down_blocks.1.attentions.0");
    }
}
