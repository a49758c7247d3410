using CompressTool.Onnx;
using CompressTool.Onnx.Passes;
using static CompressTool.Compression.Tests.Models.LayerModels;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Models;

[TestClass]
public sealed class BatchNormalizationRefusalTests
{
    [TestMethod]
    [DataRow("used twice")]
    [DataRow("an output")]
    [DataRow("training")]
    [DataRow("training before version 14")]
    [DataRow("is_test")]
    [DataRow("spatial")]
    [DataRow("computed scale")]
    [DataRow("computed weight")]
    [DataRow("computed bias")]
    [DataRow("negative variance")]
    [DataRow("mul of another shape")]
    [DataRow("mul that adds an axis")]
    [DataRow("mul with itself")]
    [DataRow("constant divided")]
    [DataRow("mul by zero divisor")]
    [DataRow("overflow of float16")]
    [DataRow("underflow of float16")]
    public void What_cannot_be_folded_stays(string reason)
    {
        var type = reason.EndsWith("float16", StringComparison.Ordinal) ? DataType.Float16 : DataType.Float;
        using var model = Layer("Conv", 1, true, type, 1);
        var graph = model.Graph;
        var conv = graph.Nodes[0];
        var parameters = Parameters(graph, DataType.Float, 1);
        switch (reason)
        {
            case "used twice":
                graph.Outputs.Add(graph.AddNode(null, "Relu", "relu", [conv.Outputs[0]]));
                goto default;
            case "an output":
                Append(model, "BatchNormalization", parameters);
                graph.Outputs.Add(conv.Outputs[0]!);
                break;
            case "training":
                Append(model, "BatchNormalization", parameters, Attribute.Int("training_mode", 1));
                break;
            case "training before version 14":
                model.OpsetImports[""] = 13;
                Append(model, "BatchNormalization", parameters);
                graph.Nodes[^1].AddOutput(new Value("mean_out"));
                break;
            case "is_test":
                model.OpsetImports[""] = 6;
                goto default;
            case "spatial":
                model.OpsetImports[""] = 7;
                Append(model, "BatchNormalization", parameters, Attribute.Int("spatial", 0));
                break;
            case "computed scale":
                parameters[0] = graph.AddNode(null, "Abs", "abs", [parameters[0]]);
                goto default;
            case "computed weight":
                conv.SetInput(1, graph.AddNode(conv, "Abs", "abs", [conv.Inputs[1]]));
                goto default;
            case "computed bias":
                conv.SetInput(2, graph.AddNode(conv, "Abs", "abs", [conv.Inputs[2]]));
                goto default;
            case "negative variance":
                parameters[3].Initializer = Tensor.Floats([Channels], 1, 1, -1, 1, 1, 1);
                goto default;
            case "mul of another shape":
                Append(model, "Mul", [Constant(graph, "factor", type, 1, [Channels])]); // Along the width.
                break;
            case "mul that adds an axis":
                Append(model, "Mul", [Constant(graph, "factor", type, 1, [1, 1, Channels, 1, 1])]);
                break;
            case "mul with itself":
                Append(model, "Mul", [conv.Outputs[0]!]);
                break;
            case "constant divided":
                var reciprocal = graph.AddNode(null, "Div", "div", [Constant(graph, "factor", type, 1, [Channels, 1, 1]), conv.Outputs[0]]);
                graph.Outputs[0] = reciprocal;
                break;
            case "mul by zero divisor":
                Append(model, "Div", [graph.AddInitializer("zero", Tensor.Float(0))]);
                break;
            case "overflow of float16":
                Append(model, "Mul", [graph.AddInitializer("factor", Cast(Tensor.Float(60000), type))]);
                break;
            case "underflow of float16":
                Append(model, "Mul", [graph.AddInitializer("factor", Cast(Tensor.Float(1e-6f), type))]);
                break;
            default:
                Append(model, "BatchNormalization", parameters);
                break;
        }

        var operators = graph.Nodes.Select(node => node.OpType).ToArray();
        Assert.AreEqual(0, BatchNormalizationFolding.Run(model));
        CollectionAssert.AreEqual(operators, graph.Nodes.Select(node => node.OpType).ToArray());
    }

    [TestMethod]
    [DataRow(6)]
    [DataRow(8)]
    [DataRow(13)]
    [DataRow(14)]
    public void All_versions_of_the_operator_are_known(int opset)
    {
        using var model = Layer("Conv", 1, true, DataType.Float, 1);
        model.OpsetImports[""] = opset;
        Append(model, "BatchNormalization", Parameters(model.Graph, DataType.Float, 1), Attribute.Int("is_test", 1), Attribute.Int("spatial", 1));
        Assert.AreEqual(1, BatchNormalizationFolding.Run(model));
    }
}
