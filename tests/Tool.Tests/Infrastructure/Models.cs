using CompressTool.Onnx;

namespace CompressTool.Tool.Tests.Infrastructure;

/// <summary>Small models made for tests.</summary>
internal static class Models
{
    /// <summary>Writes a model that runs for minutes: a long chain of matrix products.</summary>
    public static string WriteSlow(TempFolder folder)
    {
        const int Size = 1024;
        var random = new Random(1);
        var model = New();
        var graph = model.Graph;
        var type = new TensorType(DataType.Float, Shape.Of([Size, Size]));
        var value = new Value("x", type);
        graph.AddInput(value);
        var weight = graph.AddInitializer("w", Tensor.Floats([Size, Size], [.. Enumerable.Range(0, Size * Size).Select(_ => (float)(random.NextDouble() - 0.5) / Size)]));
        for (var i = 0; i < 10_000; i++)
        {
            value = graph.AddNode(null, "MatMul", $"product{i}", [value, weight], type);
        }

        graph.Outputs.Add(value);
        var path = folder.File("slow.onnx");
        model.Save(path);
        NpyFile.Write(folder.File("x.npy"), Tensor.Floats([Size, Size], new float[Size * Size]));
        return path;
    }

    /// <summary>Writes a model whose outputs have names that no file can have: sums of its input [n,2] with 1, 2, ...</summary>
    public static string WriteWithOutputs(TempFolder folder, params string[] outputs)
    {
        var model = New();
        var type = new TensorType(DataType.Float, new Shape(new Dim("n"), new Dim(2)));
        var input = new Value("x", type);
        model.Graph.AddInput(input);
        for (var i = 0; i < outputs.Length; i++)
        {
            var sum = model.Graph.AddNode(null, "Add", $"sum{i}", [input, model.Graph.AddInitializer($"c{i}", Tensor.Float(i + 1))], type);
            sum.Name = outputs[i];
            model.Graph.Outputs.Add(sum);
        }

        var path = folder.File("outputs.onnx");
        model.Save(path);
        return path;
    }

    private static Model New()
    {
        var model = new Model { IrVersion = 8, ProducerName = "test" };
        model.OpsetImports[""] = 17;
        model.Graph.Name = "main";
        return model;
    }
}
