using CompressTool.Diffusion.Import.Weights;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Diffusion.Import.Layers;

/// <summary>Layers that are in every network: convolution, linear map, embedding table, activation.</summary>
internal static class BasicLayers
{
    /// <summary>The input for images, [batch, channels, height, width]; height and width are open unless they are asked for.</summary>
    public static Expr ImageInput(this Module m, string name, long channels) => m.Builder.Input(name, Onnx.DataType.Float, new Onnx.Shape(
        new Onnx.Dim("batch"), channels, m.Context.Size is { } size ? size.Height : new Onnx.Dim("height"), m.Context.Size is { } other ? other.Width : new Onnx.Dim("width")));

    /// <summary>The size of an axis, which must be a number: that of channels.</summary>
    public static long Size(this Expr x, int axis) =>
        x.Value.Shape![axis < 0 ? x.Rank + axis : axis].Value ?? throw new InvalidOperationException($"Axis {axis} of '{x.Value.Name}' is not known as a number.");

    /// <summary>Two-dimensional convolution of [batch, channels, height, width].</summary>
    /// <param name="m">The place.</param>
    /// <param name="x">The input.</param>
    /// <param name="channels">Output channels.</param>
    /// <param name="kernel">Height and width of the kernel.</param>
    /// <param name="stride">Step between two windows.</param>
    /// <param name="padding">Zeros added on each side, at the bottom and right one more per <paramref name="extra"/>.</param>
    /// <param name="extra">Zeros added at the bottom and right beyond <paramref name="padding"/>.</param>
    /// <param name="bias">Whether there is a bias.</param>
    public static Expr Conv2d(this Module m, Expr x, long channels, int kernel = 3, int stride = 1, int padding = 1, int extra = 0, bool bias = true)
    {
        using var scope = m.Enter();
        var inputs = x.Size(1);
        var initialization = Initialization.FanIn(inputs * kernel * kernel);
        Expr[] operands = [x, m.Parameter("weight", initialization, channels, inputs, kernel, kernel), .. bias ? [m.Parameter("bias", initialization, channels)] : Array.Empty<Expr>()];
        return m.Builder.Node("Conv", operands,
            Attribute.Ints("kernel_shape", kernel, kernel), Attribute.Ints("strides", stride, stride), Attribute.Ints("pads", padding, padding, padding + extra, padding + extra));
    }

    /// <summary>Linear map of the last axis.</summary>
    /// <param name="m">The place.</param>
    /// <param name="x">The input, of any rank.</param>
    /// <param name="outputs">Numbers that come out.</param>
    /// <param name="bias">Whether there is a bias.</param>
    /// <param name="initialization">Of the weights, the bias is 0 then; null for that of PyTorch's layer.</param>
    public static Expr Linear(this Module m, Expr x, long outputs, bool bias = true, Initialization? initialization = null)
    {
        using var scope = m.Enter();
        var inputs = x.Size(-1);
        var weight = m.Parameter("weight", initialization ?? Initialization.FanIn(inputs), outputs, inputs);
        var added = bias ? m.Parameter("bias", initialization is null ? Initialization.FanIn(inputs) : Initialization.Zeros, outputs) : null;
        if (x.Rank == 2)
        {
            return m.Builder.Node("Gemm", added is null ? [x, weight] : [x, weight, added], Attribute.Int("transB", 1));
        }

        var product = x.MatMul(weight.TransposeLast());
        return added is null ? product : product + added;
    }

    /// <summary>Rows of a table.</summary>
    /// <param name="m">The place.</param>
    /// <param name="indices">Which rows.</param>
    /// <param name="rows">Rows of the table.</param>
    /// <param name="width">Numbers in a row.</param>
    /// <param name="deviation">Standard deviation of the numbers before training.</param>
    public static Expr Embedding(this Module m, Expr indices, long rows, long width, double deviation = 1)
    {
        using var scope = m.Enter();
        return m.Builder.Node("Gather", [m.Parameter("weight", new Initialization.Normal(deviation), rows, width), indices]);
    }

    /// <summary>A part along an axis whose size need not be known.</summary>
    /// <param name="x">The array.</param>
    /// <param name="axis">The axis.</param>
    /// <param name="start">First index.</param>
    /// <param name="end">Index after the last; by default the part goes to the end.</param>
    public static Expr Part(this Expr x, int axis, long start, long end = long.MaxValue) =>
        x.Builder.Node("Slice", [x, x.Builder.Int64s(start), x.Builder.Int64s(end), x.Builder.Int64s(axis)]);

    /// <summary>Equal parts along an axis whose size is a number.</summary>
    public static Expr[] Chunk(this Expr x, int parts, int axis)
    {
        var sizes = new long[parts];
        Array.Fill(sizes, x.Size(axis) / parts);
        return x.Builder.Nodes("Split", "", parts, [x, x.Builder.Int64s(sizes)], Attribute.Int("axis", axis));
    }

    /// <summary>x * sigmoid(x).</summary>
    public static Expr Silu(this Expr x) => x * x.Sigmoid();

    /// <summary>A gaussian error linear unit (Hendrycks and Gimpel 2016).</summary>
    /// <param name="x">The input.</param>
    /// <param name="approximate">Whether by the hyperbolic tangent.</param>
    public static Expr Gelu(this Expr x, bool approximate = false) =>
        approximate ? 0.5 * x * (1 + (Math.Sqrt(2 / Math.PI) * (x + (0.044715 * (x * x * x)))).Tanh())
        : x * ((x / Math.Sqrt(2)).Erf() + 1) * 0.5;

    /// <summary>An activation by the name that configurations give it.</summary>
    public static Expr Activation(this Expr x, string name) => name.ToLowerInvariant() switch
    {
        "silu" or "swish" => x.Silu(),
        "gelu" => x.Gelu(),
        "relu" => x.Builder.Node("Relu", [x]),
        "gelu_new" or "gelu_pytorch_tanh" => x.Gelu(approximate: true),
        "quick_gelu" => x * (1.702 * x).Sigmoid(),
        "mish" => x * x.Builder.Node("Softplus", [x]).Tanh(),
        _ => throw new ArgumentException($"No activation '{name}'.", nameof(name)),
    };

    /// <summary>The names that <see cref="Activation"/> knows.</summary>
    public static IReadOnlyList<string> Activations { get; } = ["silu", "swish", "gelu", "relu", "mish"];
}
