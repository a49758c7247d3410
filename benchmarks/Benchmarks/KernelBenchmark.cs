using System.Diagnostics;
using System.Globalization;
using CompressTool.Onnx;
using CompressTool.Runtime.CustomOperators;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Expressions;
using CompressTool.Training.Kernels;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Benchmarks;

/// <summary>The custom kernels of training against the graphs of standard operators they stand for, and against the machine's limit.</summary>
internal sealed class KernelBenchmark : IBenchmark
{
    private static readonly IEngine s_engine = new OnnxRuntimeEngine();

    // One thread is disturbed least where other work runs.
    private static readonly int s_threads = int.TryParse(Environment.GetEnvironmentVariable("COMPRESSTOOL_THREADS"), out var threads) ? threads : Environment.ProcessorCount;

    // Images, input and output channels, size of the output, kernel, stride.
    private static readonly (int N, int C, int O, int Size, int Kernel, int Stride)[] s_convolutions =
    [
        (16, 64, 64, 32, 3, 1), (8, 128, 128, 32, 3, 1), (8, 256, 128, 32, 3, 1), (16, 128, 128, 16, 3, 1), (8, 256, 256, 16, 3, 1), (8, 512, 256, 16, 3, 1),
        (8, 256, 256, 8, 3, 1), (8, 512, 256, 8, 3, 1), (8, 256, 256, 4, 3, 1), (8, 512, 512, 4, 3, 1), (8, 128, 128, 16, 3, 2), (8, 256, 256, 8, 3, 2),
        (8, 256, 128, 32, 1, 1), (8, 256, 256, 16, 1, 1), (8, 3, 128, 32, 3, 1), (8, 128, 3, 32, 3, 1),
    ];

    // Images, channels, size; 32 groups.
    private static readonly (int N, int C, int Size)[] s_normalizations = [(16, 64, 32), (8, 128, 32), (8, 256, 32), (8, 256, 16), (8, 512, 16), (8, 256, 8), (8, 256, 4)];

    public string Name => "kernels";

    public string Description => "kernels of training written in C#: against the same of standard operators, and the machine's limit.";

    public void Run(BenchmarkContext context)
    {
        context.Output.WriteLine($"{"",-44} {"limit",8} {"plain",8} {"kernel",8}   {"of limit",8} {"to plain",8}");
        foreach (var (n, c, o, size, kernel, stride) in s_convolutions)
        {
            Convolution(context, n, c, o, size, kernel, stride);
        }

        foreach (var (n, c, size) in s_normalizations)
        {
            Normalization(context, n, c, size);
        }
    }

    private static void Convolution(BenchmarkContext context, int n, int c, int o, int size, int kernel, int stride)
    {
        var pad = kernel / 2;
        Attribute[] attributes = [Attribute.Ints("kernel_shape", kernel, kernel), Attribute.Ints("strides", stride, stride), Attribute.Ints("pads", pad, pad, pad, pad)];
        var dims = (X: (long[])[n, c, size * stride, size * stride], Y: (long[])[n, o, size, size]);
        using var plain = new Subject(builder =>
        {
            var (x, dy) = (builder.Input("x", DataType.Float, dims.X), builder.Input("dy", DataType.Float, dims.Y));
            var w = builder.Input("w", DataType.Float, o, c, kernel, kernel);
            return [.. Differentiator.Gradients([(builder.Node("Conv", [x, w], attributes), dy)], [w])];
        });
        using var fused = new Subject(
            builder =>
            {
                var (x, dy) = (builder.Input("x", DataType.Float, dims.X), builder.Input("dy", DataType.Float, dims.Y));
                return builder.Nodes("ConvGradWeight", CustomOperator.Domain, 1, [x, dy], attributes);
            },
            new ConvGradWeight());
        Compare(context, $"ConvGradWeight {n}x{c}->{o} {size}x{size} k{kernel} s{stride}, GFLOP/s", 2.0 * n * c * o * size * size * kernel * kernel, MachineLimit.Flops(s_threads), plain, fused);
    }

    private static void Normalization(BenchmarkContext context, int n, int c, int size)
    {
        Attribute[] attributes = [Attribute.Int("num_groups", 32), Attribute.Float("epsilon", 1e-6f), Attribute.Int("activation", 1)];
        long[] dims = [n, c, size, size];
        var bytes = 4.0 * n * c * size * size;
        var limit = MachineLimit.CopiedBytes(s_threads);

        using var plain = new Subject(builder => [Plain(builder).Y]);
        using var fused = new Subject(
            builder =>
            {
                var (x, scale, bias) = Inputs(builder);
                return builder.Nodes("GroupNormSilu", CustomOperator.Domain, 3, [x, scale, bias], attributes);
            },
            new GroupNormSilu());
        Compare(context, $"GroupNormSilu {n}x{c} {size}x{size}, GB/s", 2 * bytes, limit, plain, fused);

        using var plainGradient = new Subject(builder =>
        {
            var (y, x, scale, bias) = Plain(builder);
            return Differentiator.Gradients([(y, builder.Input("dy", DataType.Float, dims))], [x, scale, bias]);
        });
        using var fusedGradient = new Subject(
            builder =>
            {
                var (x, scale, bias) = Inputs(builder);
                var forward = builder.Nodes("GroupNormSilu", CustomOperator.Domain, 3, [x, scale, bias], attributes);
                return builder.Nodes("GroupNormSiluGrad", CustomOperator.Domain, 3, [builder.Input("dy", DataType.Float, dims), x, scale, bias, forward[1], forward[2]], attributes);
            },
            new GroupNormSilu(), new GroupNormSiluGrad());
        Compare(context, $"  and GroupNormSiluGrad, GB/s", 5 * bytes, limit, plainGradient, fusedGradient);

        (Expr X, Expr Scale, Expr Bias) Inputs(GraphBuilder builder) => (builder.Input("x", DataType.Float, dims), builder.Input("scale", DataType.Float, c), builder.Input("bias", DataType.Float, c));

        (Expr Y, Expr X, Expr Scale, Expr Bias) Plain(GraphBuilder builder)
        {
            var (x, scale, bias) = Inputs(builder);
            var normalized = builder.Node("InstanceNormalization", [x.Reshape(n, 32, c / 32 * size * size), builder.Full(1, DataType.Float, 32), builder.Full(0, DataType.Float, 32)], Attribute.Float("epsilon", 1e-6f));
            var z = (normalized.Reshape(dims) * scale.Reshape(c, 1, 1)) + bias.Reshape(c, 1, 1);
            return (z * z.Sigmoid(), x, scale, bias);
        }
    }

    /// <summary>Alternates the two, and takes the best of each: the least disturbed by what else runs on the machine.</summary>
    private static void Compare(BenchmarkContext context, string what, double work, double limit, Subject plain, Subject kernel)
    {
        double ofPlain = double.MaxValue, ofKernel = double.MaxValue;
        var start = Stopwatch.GetTimestamp();
        for (var round = 0; round < 5 || Stopwatch.GetElapsedTime(start).TotalSeconds < 1.5; round++)
        {
            ofPlain = Math.Min(ofPlain, plain.Seconds());
            ofKernel = Math.Min(ofKernel, kernel.Seconds());
        }

        context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what,-52} {limit / 1e9,8:0.0} {work / ofPlain / 1e9,8:0.0} {work / ofKernel / 1e9,8:0.0}   {work / ofKernel / limit,8:0.00} {ofPlain / ofKernel,8:0.00}"));
    }

    /// <summary>A graph with random inputs, bound to memory of its own.</summary>
    private sealed class Subject : IDisposable
    {
        private readonly ICompiledFunction _function;
        private readonly IFunctionBinding _binding;
        private readonly List<NativeArray> _arrays = [];

        public Subject(Func<GraphBuilder, IReadOnlyList<Expr>> build, params IReadOnlyList<CustomOperator> operators)
        {
            using var model = new Model();
            model.OpsetImports[""] = 21;
            var builder = new GraphBuilder(model);
            foreach (var (index, output) in build(builder).Index())
            {
                builder.AddOutput($"out{index}", output);
            }

            model.Graph.RemoveUnused();
            _function = s_engine.Compile(model, new EngineOptions { Threads = s_threads, CustomOperators = operators });
            _binding = _function.Bind();
            var random = new Random(1);
            foreach (var input in _function.Inputs)
            {
                var array = Array(input);
                foreach (ref var element in array.AsSpan<float>())
                {
                    element = (float)random.NextDouble() - 0.5f;
                }

                _binding.SetInput(input.Name, array);
            }

            foreach (var output in _function.Outputs)
            {
                _binding.SetOutput(output.Name, Array(output));
            }
        }

        /// <summary>Runs once.</summary>
        public double Seconds()
        {
            var start = Stopwatch.GetTimestamp();
            _binding.Run();
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        public void Dispose()
        {
            _binding.Dispose();
            _function.Dispose();
            _arrays.ForEach(array => array.Dispose());
        }

        private NativeArray Array(FunctionValue value)
        {
            var array = new NativeArray(value.Type.ElementType, value.Type.Shape!.ToArray()!);
            _arrays.Add(array);
            return array;
        }
    }
}
