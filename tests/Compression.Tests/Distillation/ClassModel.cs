using CompressTool.Onnx;

namespace CompressTool.Compression.Tests.Distillation;

/// <summary>The smallest model with classes.</summary>
internal static class ClassModel
{
    /// <summary>A model whose output is the embedding of the label, plus nothing of sample and timestep.</summary>
    public static Model Create(int classes, DataType type = DataType.Int64, int channels = 1, int side = 2, params float[] greys)
    {
        var model = new Model();
        var graph = model.Graph;
        model.OpsetImports[""] = 17;
        var batch = new Dim("batch");
        var image = new TensorType(DataType.Float, new Shape(batch, channels, side, side));
        var sample = new Value("sample", image);
        var timestep = new Value("timestep", new TensorType(DataType.Int64, new Shape(batch)));
        var labels = new Value("class_labels", new TensorType(type, new Shape(batch)));
        foreach (var input in (Value[])[sample, timestep, labels])
        {
            graph.AddInput(input);
        }

        var table = graph.AddInitializer("embedding", Tensor.Floats([classes, channels * side * side], [.. Enumerable.Range(0, classes).SelectMany(label => Enumerable.Repeat(label < greys.Length ? greys[label] : 0.5f, channels * side * side))]));
        var shape = graph.AddInitializer("shape", Tensor.Int64s(-1, channels, side, side));
        var row = graph.AddNode(null, "Gather", "row", [table, labels], new TensorType(DataType.Float, new Shape(batch, channels * side * side)));
        var pixels = graph.AddNode(null, "Reshape", "pixels", [row, shape], image);
        var nothing = graph.AddNode(null, "Sub", "nothing", [sample, sample], image);
        graph.Outputs.Add(graph.AddNode(null, "Add", "out_sample", [pixels, nothing], image));
        return model;
    }
}
