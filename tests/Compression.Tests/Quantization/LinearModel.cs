using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>Models of one layer, 'fc.weight', with any number of rows.</summary>
internal static class LinearModel
{
    /// <summary>y = x · W.</summary>
    /// <param name="weight">[inputs, outputs].</param>
    public static Model Product(Tensor weight) => Build(weight.Type, weight.Dims[0], weight.Dims[1], (graph, x, y) => new Node("MatMul", [x, graph.AddInitializer("fc.weight", weight)], [y], "/fc/MatMul"));

    /// <summary>y = x · Wᵀ + b, as exporters write it.</summary>
    /// <param name="weight">[outputs, inputs].</param>
    /// <param name="bias">[outputs]; null for none.</param>
    public static Model Gemm(Tensor weight, Tensor? bias = null) => Build(weight.Type, weight.Dims[1], weight.Dims[0], (graph, x, y) =>
    {
        Value?[] inputs = bias is null ? [x, graph.AddInitializer("fc.weight", weight)] : [x, graph.AddInitializer("fc.weight", weight), graph.AddInitializer("fc.bias", bias)];
        return new Node("Gemm", inputs, [y], "/fc/Gemm", "", Attribute.Int("transB", 1));
    });

    private static Model Build(DataType type, long inputs, long outputs, Func<Graph, Value, Value, Node> layer)
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        var (x, y) = (new Value("x", new TensorType(type, new Shape(new Dim("rows"), inputs))), new Value("y", new TensorType(type, new Shape(new Dim("rows"), outputs))));
        model.Graph.AddInput(x);
        model.Graph.Add(layer(model.Graph, x, y));
        model.Graph.Outputs.Add(y);
        return model;
    }
}
