using CompressTool.Onnx;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Benchmarks.Training;

/// <summary>The U-Nets of the recorded PyTorch figures, in the form that exporters write them, with random weights.</summary>
/// <param name="Name">The name there.</param>
/// <param name="ImageChannels">Channels of the image.</param>
/// <param name="Channels">Channels of each level.</param>
/// <param name="Attention">Levels with attention.</param>
/// <param name="Groups">Groups of the normalisations.</param>
/// <param name="Batch">Images of a step.</param>
internal sealed record UNetModel(string Name, int ImageChannels, int[] Channels, int[] Attention, int Groups, int Batch)
{
    public const int Size = 32;

    public static UNetModel[] All { get; } =
    [
        new("small", 1, [32, 64], [], 8, 16),
        new("unet5m", 3, [64, 128, 128], [1], 32, 16),
        new("cifar10", 3, [128, 256, 256, 256], [1], 32, 8),
    ];

    /// <summary>The model, for a fixed batch.</summary>
    public Model Create(int batch)
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        model.Graph.Name = Name;
        var layers = new Layers(new GraphBuilder(model), new Random(7), Groups);
        var sample = layers.Builder.Input("sample", DataType.Float, batch, ImageChannels, Size, Size);
        var time = layers.Time(layers.Builder.Input("timestep", DataType.Float, batch), Channels[0]);
        var output = Forward(layers, sample, time);
        layers.Builder.AddOutput("out_sample", output);
        return model;
    }

    private Expr Forward(Layers layers, Expr sample, Expr time)
    {
        var h = layers.Conv("conv_in", sample, Channels[0], 3);
        var skips = new Stack<Expr>([h]);
        for (var level = 0; level < Channels.Length; level++)
        {
            for (var block = 0; block < 2; block++)
            {
                h = layers.ResNet($"down.{level}.{block}", h, time, Channels[level]);
                h = Attention.Contains(level) ? layers.Attention($"down.{level}.{block}.attention", h) : h;
                skips.Push(h);
            }

            if (level + 1 < Channels.Length)
            {
                h = layers.Conv($"down.{level}.sample", h.Pad([0, 0, 0, 0], [0, 0, 1, 1]), Channels[level], 3, stride: 2, pad: 0);
                skips.Push(h);
            }
        }

        h = layers.ResNet("mid.0", h, time, Channels[^1]);
        h = layers.Attention("mid.attention", h);
        h = layers.ResNet("mid.1", h, time, Channels[^1]);
        for (var level = Channels.Length - 1; level >= 0; level--)
        {
            for (var block = 0; block < 3; block++)
            {
                h = layers.ResNet($"up.{level}.{block}", layers.Builder.Concat(1, h, skips.Pop()), time, Channels[level]);
                h = Attention.Contains(level) ? layers.Attention($"up.{level}.{block}.attention", h) : h;
            }

            h = level > 0 ? layers.Conv($"up.{level}.sample", layers.Upsample(h), Channels[level], 3) : h;
        }

        return layers.Conv("conv_out", Layers.Silu(layers.GroupNorm("norm_out", h)), ImageChannels, 3);
    }

    /// <summary>Layers as PyTorch's exporter writes them.</summary>
    private sealed class Layers(GraphBuilder builder, Random random, int groups)
    {
        public GraphBuilder Builder => builder;

        public Expr Conv(string name, Expr x, int channels, int kernel, int stride = 1, int? pad = null)
        {
            var padding = pad ?? kernel / 2;
            var weight = Weight($"{name}.weight", 1 / Math.Sqrt(x.Dims[1] * kernel * kernel), channels, x.Dims[1], kernel, kernel);
            return builder.Node("Conv", [x, weight, Weight($"{name}.bias", 0.1, channels)],
                Attribute.Ints("kernel_shape", kernel, kernel), Attribute.Ints("strides", stride, stride), Attribute.Ints("pads", padding, padding, padding, padding));
        }

        public static Expr Silu(Expr x) => x * x.Sigmoid();

        public Expr Upsample(Expr x) => builder.Node("Resize", [x, null, builder.Constant(Tensor.Floats([4], 1, 1, 2, 2))],
            Attribute.String("mode", "nearest"), Attribute.String("coordinate_transformation_mode", "asymmetric"), Attribute.String("nearest_mode", "floor"));

        public Expr GroupNorm(string name, Expr x)
        {
            var normalized = builder.Node("InstanceNormalization",
                [x.Reshape(x.Dims[0], groups, -1), builder.Constant(Filled(1)), builder.Constant(Filled(0))], Attribute.Float("epsilon", 1e-6f));
            return (normalized.Reshape(x.Dims) * Weight($"{name}.weight", 0.2, x.Dims[1], 1, 1)) + Weight($"{name}.bias", 0.1, x.Dims[1], 1, 1);
        }

        public Expr ResNet(string name, Expr x, Expr time, int channels)
        {
            var h = Conv($"{name}.conv1", Silu(GroupNorm($"{name}.norm1", x)), channels, 3);
            h += Gemm($"{name}.time", Silu(time), channels).Reshape(h.Dims[0], channels, 1, 1);
            h = Conv($"{name}.conv2", Silu(GroupNorm($"{name}.norm2", h)), channels, 3);
            return (x.Dims[1] == channels ? x : Conv($"{name}.shortcut", x, channels, 1)) + h;
        }

        public Expr Attention(string name, Expr x)
        {
            var (channels, positions) = ((int)x.Dims[1], x.Dims[2] * x.Dims[3]);
            var y = GroupNorm($"{name}.norm", x).Reshape(x.Dims[0], channels, positions).Transpose(0, 2, 1);
            var scores = Linear($"{name}.q", y).MatMul(Linear($"{name}.k", y).Transpose(0, 2, 1)) * (1 / Math.Sqrt(channels));
            var mixed = Linear($"{name}.out", scores.Softmax(-1).MatMul(Linear($"{name}.v", y)));
            return x + mixed.Transpose(0, 2, 1).Reshape(x.Dims);
        }

        public Expr Time(Expr timestep, int channels)
        {
            var half = channels / 2;
            var frequencies = Enumerable.Range(0, half).Select(index => (float)Math.Exp(-Math.Log(10000) * index / (half - 1))).ToArray();
            var angles = timestep.Unsqueeze(1) * builder.Constant(Tensor.Floats([1, half], frequencies));
            return Gemm("time.1", Silu(Gemm("time.0", builder.Concat(1, angles.Sin(), angles.Cos()), 4 * channels)), 4 * channels);
        }

        private Expr Linear(string name, Expr x) =>
            x.MatMul(Weight($"{name}.weight", 1 / Math.Sqrt(x.Dims[^1]), x.Dims[^1], x.Dims[^1])) + Weight($"{name}.bias", 0.1, x.Dims[^1]);

        private Expr Gemm(string name, Expr x, int width) =>
            builder.Node("Gemm", [x, Weight($"{name}.weight", 1 / Math.Sqrt(x.Dims[1]), width, x.Dims[1]), Weight($"{name}.bias", 0.1, width)], Attribute.Int("transB", 1));

        private Expr Weight(string name, double scale, params long[] dims)
        {
            var numbers = new float[dims.Aggregate(1L, (count, dim) => count * dim)];
            for (var index = 0; index < numbers.Length; index++)
            {
                // A sum of uniform numbers is near enough to a normal distribution here.
                numbers[index] = (float)(scale * (random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 2) + (name.Contains("norm") && name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0);
            }

            var value = builder.Graph.AddInitializer(new Value(name, new TensorType(DataType.Float, Shape.Of(dims))) { Initializer = Tensor.Floats(dims, numbers) });
            return builder.Initializer(value);
        }

        private Tensor Filled(float number) => Tensor.Floats([groups], Enumerable.Repeat(number, groups).ToArray());
    }
}
