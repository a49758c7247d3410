using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Passes;
using CompressTool.Testing.Models;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization;

[TestClass]
public sealed class OpsetRaisingTests
{
    [TestMethod]
    public void Nodes_that_are_written_otherwise_now_compute_what_they_did()
    {
        using var model = new Model { IrVersion = 8 };
        model.OpsetImports[""] = 16;
        var graph = model.Graph;
        var x = new Value("x", new TensorType(DataType.Float, Shape.Of([2, 3, 6, 8])));
        var grid = new Value("grid", new TensorType(DataType.Float, Shape.Of([2, 4, 4, 2])));
        graph.AddInput(x);
        graph.AddInput(grid);
        string[] reductions = ["ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare"];
        var positive = graph.AddNode(null, "Abs", "positive", [x]);
        foreach (var (index, type) in reductions.Index())
        {
            Attribute[] axes = index % 3 == 0 ? [] : [Attribute.Ints("axes", -1, 1)];
            graph.Outputs.Add(graph.AddNode(null, type, type, [positive], null, "", [.. axes, Attribute.Int("keepdims", index % 2)]));
        }

        Value[] parts = [new("left"), new("right")];
        graph.Add(new Node("Split", [x], parts, "split", "", Attribute.Int("axis", 2)));
        Array.ForEach(parts, graph.Outputs.Add);
        foreach (var mode in new[] { "bilinear", "bicubic", "nearest" })
        {
            graph.Outputs.Add(graph.AddNode(null, "GridSample", mode, [x, grid], null, "", Attribute.String("mode", mode)));
        }

        graph.Outputs.Add(graph.AddNode(null, "GridSample", "usual mode", [x, grid]));
        var inputs = new Dictionary<string, Tensor> { ["x"] = RandomTensors.Normal("x", 0, 1, 2, 3, 6, 8), ["grid"] = RandomTensors.Uniform("grid", -1, 1, 2, 4, 4, 2) };
        var before = ModelRunner.Run(model.ToBytes(), inputs);

        OpsetRaising.Run(model, 21);

        Assert.AreEqual((21L, 10L), (model.Opset, model.IrVersion));
        var after = ModelRunner.Run(model.ToBytes(), inputs);
        Assert.HasCount(15, after);
        foreach (var (name, tensor) in before)
        {
            CollectionAssert.AreEqual(tensor.Dims.ToArray(), after[name].Dims.ToArray(), name);
            CollectionAssert.AreEqual(tensor.ToFloats(), after[name].ToFloats(), name);
        }
    }

    [TestMethod]
    public void RoiAlign_keeps_the_coordinates_that_were_usual()
    {
        using var model = new Model { IrVersion = 8 };
        model.OpsetImports[""] = 15;
        var graph = model.Graph;
        var x = new Value("x", new TensorType(DataType.Float, Shape.Of([1, 2, 8, 8])));
        graph.AddInput(x);
        var boxes = graph.AddInitializer("boxes", Tensor.Floats([1, 4], 1, 1, 6, 5));
        graph.Outputs.Add(graph.AddNode(null, "RoiAlign", "y", [x, boxes, graph.AddInitializer("batch", Tensor.Int64s(0))], null, "", Attribute.Int("output_height", 3), Attribute.Int("output_width", 3)));
        var inputs = new Dictionary<string, Tensor> { ["x"] = RandomTensors.Normal("x", 0, 1, 1, 2, 8, 8) };
        var before = ModelRunner.Run(model.ToBytes(), inputs)["y"].ToFloats();
        OpsetRaising.Run(model, 21);
        CollectionAssert.AreEqual(before, ModelRunner.Run(model.ToBytes(), inputs)["y"].ToFloats());
    }

    [TestMethod]
    public void What_cannot_be_rewritten_is_refused_and_nothing_changes()
    {
        using var model = new Model { IrVersion = 8 };
        model.OpsetImports[""] = 18;
        var x = new Value("x", new TensorType(DataType.Float, Shape.Of([1, 4, 8])));
        model.Graph.AddInput(x);
        var vector = model.Graph.AddInitializer("vector", Tensor.Floats([2], 1, 1));
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "GroupNormalization", "norm", [x, vector, vector], null, "", Attribute.Int("num_groups", 2)));
        var error = Assert.ThrowsExactly<CompressToolException>(() => OpsetRaising.Run(model, 21));
        Assert.AreEqual(OnnxErrors.Unsupported, error.Code);
        StringAssert.Contains(error.Message, "norm (GroupNormalization)");
        Assert.AreEqual((18L, 8L), (model.Opset, model.IrVersion));
        OpsetRaising.Run(model, 18);
        Assert.AreEqual(18, model.Opset);
    }
}
