using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Testing.Models;

/// <summary>Layers with parameters. Weights are scaled by what comes in (He et al. 2015), so that outputs stay near 1.</summary>
internal static class Layers
{
    private const double BiasDeviation = 0.1;
    private const double EmbeddingDeviation = 0.2;

    /// <summary>Conv2d of [batch, channels, height, width].</summary>
    public static Value Conv2d(this Module m, Value x, long outputs, long kernel, long stride = 1, long padding = 0, long groups = 1, bool bias = true)
    {
        var inputs = x.Shape![1].Value!.Value / groups;
        Value[] operands = [x, m.Parameter("weight", 0, Math.Sqrt(2.0 / (inputs * kernel * kernel)), outputs, inputs, kernel, kernel), .. bias ? [m.Bias(outputs)] : Array.Empty<Value>()];
        return m.Node("Conv", operands, Attribute.Ints("dilations", 1, 1), Attribute.Int("group", groups), Attribute.Ints("kernel_shape", kernel, kernel),
            Attribute.Ints("pads", padding, padding, padding, padding), Attribute.Ints("strides", stride, stride));
    }

    /// <summary>ConvTranspose2d that doubles height and width: kernel and stride 2.</summary>
    public static Value ConvTranspose2d(this Module m, Value x, long outputs)
    {
        var inputs = x.Shape![1].Value!.Value;
        return m.Node("ConvTranspose", [x, m.Parameter("weight", 0, Math.Sqrt(2.0 / inputs), inputs, outputs, 2, 2), m.Bias(outputs)], Attribute.Ints("dilations", 1, 1),
            Attribute.Int("group", 1), Attribute.Ints("kernel_shape", 2, 2), Attribute.Ints("pads", 0, 0, 0, 0), Attribute.Ints("strides", 2, 2));
    }

    /// <summary>
    /// Linear: a Gemm of two axes; of more, or without a bias, a product with weights that were transposed while exporting.
    /// </summary>
    public static Value Linear(this Module m, Value x, long outputs, bool bias = true)
    {
        var inputs = x.Shape![^1].Value!.Value;
        if (x.Shape.Count == 2 && bias)
        {
            return m.Node("Gemm", [x, m.Parameter("weight", 0, 1 / Math.Sqrt(inputs), outputs, inputs), m.Bias(outputs)],
                Attribute.Float("alpha", 1), Attribute.Float("beta", 1), Attribute.Int("transB", 1));
        }

        var product = m.MatMul(x, m.TransposedWeight(inputs, outputs));
        return bias ? m.Add(m.Bias(outputs), product) : product;
    }

    /// <summary>A Linear's weight [outputs, inputs], transposed.</summary>
    public static Value TransposedWeight(this Module m, long inputs, long outputs) => m.Folded("MatMul", "weight",
        name => Transpose(RandomTensors.Normal(name, 0, 1 / Math.Sqrt(inputs), outputs, inputs)));

    /// <summary>Conv1D of GPT-2: a linear map whose weight is [inputs, outputs], on all but the last axis made one.</summary>
    public static Value Conv1d(this Module m, Value x, long outputs)
    {
        var inputs = x.Shape![^1].Value!.Value;
        var sizes = m.Shape(x);
        var rows = m.Reshape(x, -1, sizes[^1]);
        var y = m.Node("Gemm", [rows, m.InputWeight(inputs, outputs), m.Bias(outputs)], Attribute.Float("alpha", 1), Attribute.Float("beta", 1));
        return m.Reshape(y, [.. sizes[..^1], outputs]);
    }

    /// <summary>A Conv1D's weight, [inputs, outputs].</summary>
    public static Value InputWeight(this Module m, long inputs, long outputs) => m.Parameter("weight", 0, 1 / Math.Sqrt(inputs), inputs, outputs);

    /// <summary>A copy of an embedding's table [rows, width], transposed, as folding makes it of weights that are used twice.</summary>
    public static Value TransposedCopy(this Module m, long rows, long width) => m.Folded("MatMul", "weight", name => Transpose(RandomTensors.Normal(name, 0, EmbeddingDeviation, rows, width)));

    /// <summary>The positions of tokens [batch, sequence]: [1, sequence].</summary>
    public static Value Positions(this Module m, Value ids)
    {
        var length = m.Size(ids, 1);
        return length.Number is { } number
            ? m.Constant(Tensor.Create<long>(DataType.Int64, [1, number], [.. Enumerable.Range(0, (int)number).Select(index => (long)index)]))
            : m.Unsqueeze(m.Node("Range", [m.Constant(Tensor.Int64(0)), length.Value, m.Constant(Tensor.Int64(1))]), 0);
    }

    /// <summary>Embedding: rows of a table.</summary>
    public static Value Embedding(this Module m, Value indices, long rows, long width) => m.Node("Gather", [m.EmbeddingTable(rows, width), indices]);

    /// <summary>An Embedding's weight, [rows, width].</summary>
    public static Value EmbeddingTable(this Module m, long rows, long width) => m.Parameter("weight", 0, EmbeddingDeviation, rows, width);

    /// <summary>The parameter "bias".</summary>
    public static Value Bias(this Module m, long size) => m.Parameter("bias", 0, BiasDeviation, size);

    /// <summary>The numbers of the parameter "bias", for those who put several together.</summary>
    public static Tensor BiasTensor(this Module m, long size) => RandomTensors.Normal(m.FullName("bias"), 0, BiasDeviation, size);

    private static Tensor Transpose(Tensor matrix)
    {
        var (rows, columns) = ((int)matrix.Dims[0], (int)matrix.Dims[1]);
        var from = matrix.ToFloats();
        var to = new float[from.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                to[(column * rows) + row] = from[(row * columns) + column];
            }
        }

        return Tensor.Floats([columns, rows], to);
    }
}
