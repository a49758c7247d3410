using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Engine;

namespace CompressTool.Training.Tests.Differentiation;

[TestClass]
public sealed class CheckpointingTests
{
    [TestMethod]
    [DataRow(2)]
    [DataRow(5)]
    [DataRow(0)]
    public void Gradients_stay_equal(int segments)
    {
        var (plain, _) = Gradients(1);
        var (checkpointed, nodes) = Gradients(segments);

        Assert.IsGreaterThan(plain.Count, nodes);
        foreach (var (name, expected) in plain)
        {
            CollectionAssert.AreEqual(expected.AsSpan<float>().ToArray(), checkpointed[name].AsSpan<float>().ToArray(), name);
        }
    }

    [TestMethod]
    public void Only_values_between_segments_are_kept_for_the_gradient()
    {
        var (kept, recomputed) = (KeptBytes(1), KeptBytes(0));

        Assert.IsLessThan(0.5, (double)recomputed / kept, $"{recomputed} of {kept} bytes");
    }

    private static (IReadOnlyDictionary<string, NdArray> Outputs, int Nodes) Gradients(int segments)
    {
        var folder = Repository.Fixture("unet2d-cifarstyle");
        using var model = Model.Load(Path.Combine(folder, "model_op14.onnx"));
        var graph = Create(model);
        var feeds = ReferenceModel.ReadArrays(Path.Combine(folder, "io"), "sample", "timestep", "target");
        foreach (var (name, tensor) in graph.Parameters)
        {
            feeds[name] = NdArray.From(tensor);
        }

        // Not optimized: what the runtime fuses differs between the graphs, and rounds otherwise.
        using var function = new OnnxRuntimeTrainingEngine().CompileGradient(
            model, "loss", [.. graph.Parameters.Keys], new GradientOptions { Segments = segments }, new EngineOptions { Optimize = false });
        return (function.Run(feeds), model.Graph.Nodes.Count);
    }

    /// <summary>Bytes of the forward pass's values that a gradient's operation reads.</summary>
    private static long KeptBytes(int segments)
    {
        using var model = Model.Load(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"));
        var graph = Create(model);
        var forward = model.Graph.Nodes.ToHashSet();
        using var function = new OnnxRuntimeTrainingEngine().CompileGradient(model, "loss", [.. graph.Parameters.Keys], new GradientOptions { Segments = segments, UseKernels = false });
        return forward.Where(node => node.Graph is not null).SelectMany(node => node.Outputs).OfType<Value>()
            .Where(value => value.ElementType == DataType.Float && value.Uses.Any(use => !forward.Contains(use.Node)))
            .Sum(value => value.Shape!.ToArray()!.Aggregate(4L, (count, dim) => count * dim));
    }

    private static TrainingGraph Create(Model model)
    {
        var graph = TrainingGraph.Create(model);
        var output = graph.Builder.Of(model.Graph.Outputs[0]);
        graph.Builder.AddOutput("loss", ReferenceModel.MeanSquaredError(output, graph.Builder.Input("target", DataType.Float, output.Dims)));
        return graph;
    }
}
