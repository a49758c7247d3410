using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization.Static;

/// <summary>How pairs of QuantizeLinear and DequantizeLinear are laid out and named.</summary>
[TestClass]
public sealed class QdqLayoutTests
{
    [TestMethod]
    public void A_convolution_has_pairs_around_it_and_an_integer_bias()
    {
        using var model = Quantize(graph =>
        {
            var weight = graph.AddInitializer("w", Tensor.Floats([2, 1, 1, 1], 127, -25.4f));
            var bias = graph.AddInitializer("b", Tensor.Floats([2], 1, -2));
            return graph.AddNode(null, "Conv", "y", [graph.Inputs[0], weight, bias]);
        }, new QuantizeOptions());

        var conv = model.Graph.Nodes.Single(node => node.Is("Conv"));
        Assert.AreEqual("x_DequantizeLinear_Output", conv.Inputs[0]!.Name);
        Assert.AreEqual("y", model.Graph.Outputs[0].Name);
        Assert.AreEqual("y_QuantizeLinear_Input", conv.Outputs[0]!.Name);
        Assert.AreEqual("DequantizeLinear", model.Graph.Outputs[0].Producer!.OpType);
        CollectionAssert.AreEqual(new sbyte[] { 127, -127 }, Constant(model, "w_quantized").ToArray<sbyte>());
        CollectionAssert.AreEqual(new[] { 1f, 25.4f / 127 }, Constant(model, "w_scale").ToFloats());
        var scale = Constant(model, "x_scale");
        Assert.IsEmpty(scale.Dims);
        CollectionAssert.AreEqual(Constant(model, "w_scale").ToFloats().Select(weight => weight * scale.ToFloats()[0]).ToArray(), Constant(model, "b_quantized_scale_bias").ToFloats());
        Assert.AreEqual(DataType.Int32, Constant(model, "b_quantized_bias").Type);
        Assert.AreEqual(0, conv.Inputs[1]!.Producer!.GetInt("axis", -1));
        Assert.IsNull(model.Graph.FindValue("w"));
        Assert.IsNull(model.Graph.FindValue("b"));
    }

    [TestMethod]
    public void Moved_numbers_share_the_parameters_of_their_source_and_stay_integers()
    {
        using var model = Quantize(graph =>
        {
            var weight = graph.AddInitializer("w", Tensor.Floats([1, 1, 1, 1], 2));
            var first = graph.AddNode(null, "Conv", "c", [graph.Inputs[0], weight]);
            var pool = graph.AddNode(null, "MaxPool", "p", [graph.AddNode(null, "Relu", "r", [first])], attributes: Attribute.Ints("kernel_shape", 1, 1));
            return graph.AddNode(null, "Conv", "y", [pool, graph.AddInitializer("v", Tensor.Floats([1, 1, 1, 1], 3))]);
        }, new QuantizeOptions());

        // The rectified value is what is quantized, so that the runtime can drop the Relu.
        var relu = model.Graph.Nodes.Single(node => node.Is("Relu"));
        Assert.AreEqual("Conv", relu.Inputs[0]!.Producer!.OpType);
        var pool = model.Graph.Nodes.Single(node => node.Is("MaxPool"));
        var (before, after) = (pool.Inputs[0]!.Producer!, pool.Outputs[0]!.Uses.Single().Node);
        Assert.AreEqual(("DequantizeLinear", "QuantizeLinear"), (before.OpType, after.OpType));
        Assert.AreSame(before.Inputs[1], after.Inputs[1]);
        Assert.AreSame(before.Inputs[2], after.Inputs[2]);
        Assert.AreEqual("r_scale", after.Inputs[1]!.Name);
        Assert.AreEqual(0, Constant(model, "r_zero_point").ToArray<byte>()[0]);
    }

    [TestMethod]
    public void What_float_nodes_need_stays_float()
    {
        using var model = Quantize(graph =>
        {
            var sine = graph.AddNode(null, "Sin", "s", [graph.Inputs[0]]);
            var conv = graph.AddNode(null, "Conv", "c", [sine, graph.AddInitializer("w", Tensor.Floats([1, 1, 1, 1], 2))]);
            return graph.AddNode(null, "Add", "y", [conv, sine]);
        }, new QuantizeOptions());

        var add = model.Graph.Nodes.Single(node => node.Is("Add"));
        Assert.AreEqual("Sin", add.Inputs[1]!.Producer!.OpType, "the addition is not made worse by the convolution's input");
        Assert.AreEqual("c_DequantizeLinear_Output", add.Inputs[0]!.Name);
        Assert.AreEqual("Add", model.Graph.Outputs[0].Producer!.OpType);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Between_decides_whether_an_addition_loses_its_float_result(bool between)
    {
        using var model = Quantize(graph =>
        {
            Value Conv(string name, Value input) => graph.AddNode(null, "Conv", name, [input, graph.AddInitializer(name + ".w", Tensor.Floats([1, 1, 1, 1], 2))]);
            var sum = graph.AddNode(null, "Add", "a", [Conv("l", graph.Inputs[0]), Conv("r", graph.Inputs[0])]);
            return graph.AddNode(null, "Mul", "y", [graph.AddNode(null, "Sin", "s", [sum]), Conv("c", sum)]);
        }, new QuantizeOptions { Between = between });

        Assert.AreEqual(between ? "DequantizeLinear" : "Add", model.Graph.Nodes.Single(node => node.Is("Sin")).Inputs[0]!.Producer!.OpType);
        Assert.AreEqual("DequantizeLinear", model.Graph.Nodes.Single(node => node.Name == "c").Inputs[0]!.Producer!.OpType);
    }

    private static Tensor Constant(Model model, string name) => model.Graph.FindValue(name)!.Initializer!;

    private static Model Quantize(Func<Graph, Value> build, QuantizeOptions options)
    {
        var model = new Model { IrVersion = 8 };
        model.OpsetImports[""] = 17;
        model.Graph.AddInput(new Value("x", new TensorType(DataType.Float, Shape.Of([1, 1, 4, 4]))));
        var output = build(model.Graph);
        output.Type = new TensorType(DataType.Float, null);
        model.Graph.Outputs.Add(output);
        return new QuantizeStage().Run(model, (object)(options with { Scheme = QuantizationScheme.Int8, Calibration = new CalibrationOptions { Random = 4 } }), new StageContext { Seed = 3 }).Model;
    }
}
