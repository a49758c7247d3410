using CompressTool.Onnx;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Tests.Differentiation;

/// <summary>
/// A model's copy that computes in double precision, to tell a wrong formula from the rounding of float32. ONNX Runtime has no
/// double kernels for Conv, InstanceNormalization and Resize on the CPU; these are written as their formulas. What depends on the
/// timestep alone, its embedding, stays in float32, in which PyTorch computes it whatever the type of the model.
/// </summary>
internal static class DoublePrecision
{
    /// <summary>Copies a model of concrete shapes; its parameters stay inputs of the same names, now of doubles.</summary>
    public static GraphBuilder Convert(TrainingGraph source)
    {
        var model = new Model { IrVersion = source.Model.IrVersion };
        foreach (var (domain, version) in source.Model.OpsetImports)
        {
            model.OpsetImports[domain] = version;
        }

        var builder = new GraphBuilder(model);
        var copies = new Dictionary<Value, Expr>();
        var narrow = new HashSet<Value>();
        var graph = source.Model.Graph;
        graph.SortTopologically();
        foreach (var input in graph.Inputs)
        {
            copies[input] = builder.Input(input.Name, Widen(input.ElementType), input.Shape!.ToArray()!);
            if (!input.ElementType.IsFloat())
            {
                narrow.Add(input);
            }
        }

        foreach (var initializer in graph.Initializers)
        {
            copies[initializer] = builder.Constant(initializer.Initializer!);
            narrow.Add(initializer);
        }

        foreach (var node in graph.Nodes)
        {
            var isNarrow = node.Inputs.All(input => input is null || narrow.Contains(input));
            Expr?[] inputs = [.. node.Inputs.Select(input => input is null ? null : isNarrow ? copies[input] : copies[input].Cast(Widen(copies[input].Type)))];
            var outputs = isNarrow ? builder.Copy(node, inputs) : Copy(builder, node, inputs);
            foreach (var (output, copy) in node.Outputs.Zip(outputs).Where(pair => pair.First is not null))
            {
                copies[output!] = copy;
                if (isNarrow)
                {
                    narrow.Add(output!);
                }
            }
        }

        foreach (var output in graph.Outputs)
        {
            builder.AddOutput(output.Name, copies[output]);
        }

        return builder;
    }

    private static Expr[] Copy(GraphBuilder builder, Node node, Expr?[] inputs) => node.OpType switch
    {
        "Conv" => [Conv(node, inputs[0]!, inputs[1]!, inputs.ElementAtOrDefault(2))],
        "InstanceNormalization" => [InstanceNormalization(inputs[0]!, inputs[1]!, inputs[2]!, node.GetFloat("epsilon", 1e-5f))],
        "Resize" => [Nearest(inputs[0]!, node.Outputs[0]!.Shape!.ToArray()!)],
        "Cast" => [inputs[0]!.Cast(Widen((DataType)node.GetInt("to", 1)))],
        _ => builder.Nodes(node.OpType, node.Domain, node.Outputs.Count, inputs, node.Attributes),
    };

    /// <summary>A convolution without groups as the sum over the kernel's places of a product with the shifted image.</summary>
    private static Expr Conv(Node node, Expr x, Expr w, Expr? bias)
    {
        var (kernel, output) = (w.Dims[2..], node.Outputs[0]!.Shape!.ToArray()!);
        var strides = node.GetInts("strides") ?? [1, 1];
        var pads = node.GetInts("pads") ?? [0, 0, 0, 0];
        var padded = x.Pad([0, 0, pads[0], pads[1]], [0, 0, pads[2], pads[3]]);
        Expr? sum = null;
        for (var i = 0; i < kernel[0]; i++)
        {
            for (var j = 0; j < kernel[1]; j++)
            {
                var part = padded.Slice([2, 3], [i, j], [i + ((output[2] - 1) * strides[0]) + 1, j + ((output[3] - 1) * strides[1]) + 1], strides)
                    .Reshape(output[0], x.Dims[1], output[2] * output[3]);
                var term = w.Slice([2, 3], [i, j], [i + 1, j + 1], [1, 1]).Reshape(w.Dims[0], w.Dims[1]).MatMul(part);
                sum = sum is null ? term : sum + term;
            }
        }

        var result = sum!.Reshape(output);
        return bias is null ? result : result + bias.Reshape(1, -1, 1, 1);
    }

    private static Expr InstanceNormalization(Expr x, Expr scale, Expr bias, double epsilon)
    {
        int[] axes = [.. Enumerable.Range(2, x.Rank - 2)];
        long[] channels = [1, -1, .. axes.Select(_ => 1L)];
        var centred = x - x.Mean(axes, keepDims: true);
        return (centred / (centred.Square().Mean(axes, keepDims: true) + epsilon).Sqrt() * scale.Reshape(channels)) + bias.Reshape(channels);
    }

    private static Expr Nearest(Expr x, long[] dims)
    {
        var (before, rows, columns) = (x.Dims, dims[2] / x.Dims[2], dims[3] / x.Dims[3]);
        return x.Reshape(before[0], before[1], before[2], 1, before[3], 1).Expand(before[0], before[1], before[2], rows, before[3], columns).Reshape(dims);
    }

    private static DataType Widen(DataType type) => type == DataType.Float ? DataType.Double : type;
}
