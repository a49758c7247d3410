using System.Runtime.CompilerServices;
using CompressTool.Onnx;
using CompressTool.Runtime.CustomOperators;
using CompressTool.Runtime.Engine;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Runtime.Tests.CustomOperators;

[TestClass]
[DoNotParallelize] // Measures memory
public sealed unsafe class CustomOperatorTests
{
    private static readonly IEngine s_engine = new OnnxRuntimeEngine();

    [TestMethod]
    public void Kernel_reads_inputs_and_attributes_and_writes_outputs()
    {
        using var function = Compile(new Scale(), Node(2, Attribute.Float("factor", 3), Attribute.Ints("shift", 10, 20)));
        var outputs = function.Run(Feeds([1, 2, 3, 4]));

        Assert.AreSequenceEqual([33f, 36, 39, 42], outputs["y"].AsSpan<float>().ToArray());
        Assert.AreSequenceEqual([2L, 2], outputs["y"].Dims);
        Assert.AreSequenceEqual([4L], outputs["count"].AsSpan<long>().ToArray());
    }

    [TestMethod]
    public void Optional_inputs_outputs_and_attributes_may_be_missing()
    {
        using var function = Compile(new Scale(), Node(1, Attribute.Float("factor", 2)), withBias: false);

        Assert.AreSequenceEqual([3f, 5, 7, 9], function.Run(Feeds([1, 2, 3, 4]))["y"].AsSpan<float>().ToArray());
    }

    [TestMethod]
    public void Parallel_loop_visits_every_number_once()
    {
        foreach (var threads in (int[])[1, 2, 4])
        {
            var visits = new int[1000];
            using var function = Compile(new Custom(context => context.ParallelFor(visits.Length, index => Interlocked.Increment(ref visits[index]))), Node(1), threads: threads);
            function.Run(Feeds([1, 2, 3, 4]));

            Assert.IsTrue(visits.All(count => count == 1));
        }
    }

    [TestMethod]
    public void Scratch_memory_is_aligned_and_given_back()
    {
        var addresses = new HashSet<nint>();
        using var function = Compile(
            new Custom(context =>
            {
                using var memory = context.Allocate(100 << 20);
                new Span<float>(memory.Floats, 25 << 20).Fill(1);
                addresses.Add((nint)memory.Floats);
            }),
            Node(1));
        for (var run = 0; run < 30; run++)
        {
            function.Run(Feeds([1, 2, 3, 4]));
        }

        Assert.IsTrue(addresses.All(address => address % 64 == 0));
        Assert.IsLessThan(10, addresses.Count); // Three gigabytes would not come from few places.
    }

    [TestMethod]
    public void Exception_of_a_kernel_names_the_node()
    {
        using var function = Compile(new Custom(_ => throw new InvalidOperationException("the kernel is out of order")), Node(1));
        var error = Assert.ThrowsExactly<OnnxRuntimeException>(() => function.Run(Feeds([1, 2, 3, 4])));

        Assert.AreSame(RuntimeErrors.RunFailed, error.Code);
        Assert.AreEqual("the_node", error.NodeName);
        Assert.AreEqual("Scale", error.OperatorType);
        Assert.Contains("the kernel is out of order", error.Message);
    }

    [TestMethod]
    public void Exception_in_a_parallel_loop_reaches_the_caller()
    {
        var kernel = new Custom(context => context.ParallelFor(100, index =>
        {
            if (index == 37)
            {
                throw new ArithmeticException("37 is not a good number");
            }
        }));
        using var function = Compile(kernel, Node(1), threads: 3);

        Assert.Contains("37 is not a good number", Assert.ThrowsExactly<OnnxRuntimeException>(() => function.Run(Feeds([1, 2, 3, 4]))).Message);
    }

    [TestMethod]
    public void Exception_while_a_kernel_is_made_refuses_the_model()
    {
        var error = Assert.ThrowsExactly<OnnxRuntimeException>(() => Compile(new Scale(), Node(1)));

        Assert.AreSame(RuntimeErrors.ModelRefused, error.Code);
        Assert.Contains("The attribute 'factor' is missing", error.Message);
    }

    [TestMethod]
    public void Model_with_an_unknown_operator_is_refused() =>
        Assert.AreSame(RuntimeErrors.ModelRefused, Assert.ThrowsExactly<OnnxRuntimeException>(() => Compile(null, Node(1))).Code);

    [TestMethod]
    public void Sessions_of_several_threads_share_an_operator()
    {
        var op = new Scale();
        Parallel.For(0, 40, index =>
        {
            using var function = Compile(op, Node(1, Attribute.Float("factor", index)));
            for (var run = 0; run < 20; run++)
            {
                Assert.AreEqual((float)index, function.Run(Feeds([1, 2, 3, 4]))["y"].AsSpan<float>()[0]);
            }
        });
    }

    [TestMethod]
    public void Session_keeps_its_operators_and_frees_them()
    {
        var (function, op) = CompileForgotten();
        Collect();
        Assert.AreEqual(2f, function.Run(Feeds([1, 2, 3, 4]))["y"].AsSpan<float>()[0]);
        Assert.IsTrue(op.IsAlive);

        function.Dispose();
        function = null;
        Collect();
        Assert.IsFalse(op.IsAlive);
    }

    [TestMethod]
    public void Thousands_of_runs_and_sessions_leave_nothing_behind()
    {
        using var function = Compile(new Scale(), Node(2, Attribute.Float("factor", 3)), threads: 2);
        Repeat(300);
        var before = ResidentMegabytes();
        Repeat(1000);
        Assert.IsLessThan(15, ResidentMegabytes() - before);

        void Repeat(int times)
        {
            for (var i = 0; i < times; i++)
            {
                function.Run(Feeds([1, 2, 3, 4]));
                using var session = Compile(new Scale(), Node(1, Attribute.Float("factor", 1)), threads: 1);
                Assert.ThrowsExactly<OnnxRuntimeException>(() => Compile(new Scale(), Node(1), threads: 1));
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (ICompiledFunction Function, WeakReference Operator) CompileForgotten()
    {
        var op = new Scale();
        return (Compile(op, Node(1, Attribute.Float("factor", 2))), new WeakReference(op));
    }

    private static (int Outputs, Attribute[] Attributes) Node(int outputs, params Attribute[] attributes) => (outputs, attributes);

    private static ICompiledFunction Compile(CustomOperator? op, (int Outputs, Attribute[] Attributes) node, bool withBias = true, int threads = 2)
    {
        using var model = new Model();
        model.OpsetImports[""] = 17;
        model.OpsetImports[CustomOperator.Domain] = 1;
        var x = new Value("x", new TensorType(DataType.Float, new Shape(2, 2)));
        model.Graph.AddInput(x);
        var bias = withBias ? model.Graph.AddInitializer("bias", new Tensor(DataType.Float, [1], new MemoryData(BitConverter.GetBytes(0f)))) : null;
        Value[] outputs = [new("y", new TensorType(DataType.Float, null)), new("count", new TensorType(DataType.Int64, null))];
        outputs = outputs[..node.Outputs];
        model.Graph.Add(new Node("Scale", withBias ? [x, bias] : [x], outputs, "the_node", CustomOperator.Domain, node.Attributes));
        model.Graph.Outputs.AddRange(outputs);
        return s_engine.Compile(model, new EngineOptions { Threads = threads, CustomOperators = op is null ? [] : [op] });
    }

    private static Dictionary<string, NdArray> Feeds(float[] values) => new() { ["x"] = NdArray.Create(values, 2, 2) };

    private static void Collect()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    private static double ResidentMegabytes()
    {
        Collect();
        return OperatingSystem.IsLinux()
            ? long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1], null) * Environment.SystemPageSize / 1048576.0
            : Environment.WorkingSet / 1048576.0;
    }

    /// <summary>y = factor * x + bias (1 where there is none) + the sum of shift; count = number of elements.</summary>
    private sealed class Scale() : CustomOperator("Scale", [OperatorParameter.Float, new(DataType.Float, IsOptional: true)], [OperatorParameter.Float, new(DataType.Int64, IsOptional: true)])
    {
        public override CustomKernel CreateKernel(KernelInfo info) => new Kernel(info.GetFloat("factor"), info.GetInts("shift", []).Sum());

        private sealed class Kernel(float factor, long shift) : CustomKernel
        {
            public override void Compute(KernelContext context)
            {
                var x = context.Input(0);
                var bias = context.OptionalInput(1) is { } tensor ? tensor.Floats[0] : 1;
                var y = context.Output(0, [.. x.Dims]);
                for (var i = 0; i < x.Count; i++)
                {
                    y.Floats[i] = (factor * x.Floats[i]) + bias + shift;
                }

                if (context.OptionalOutput(1) is { } count)
                {
                    *(long*)count.Data = x.Count;
                }
            }
        }
    }

    private delegate void Body(KernelContext context);

    /// <summary>Runs a function and writes zeros.</summary>
    private sealed class Custom(Body body) : CustomOperator("Scale", [OperatorParameter.Float, OperatorParameter.Float], [OperatorParameter.Float])
    {
        public override CustomKernel CreateKernel(KernelInfo info) => new Kernel(body);

        private sealed class Kernel(Body body) : CustomKernel
        {
            public override void Compute(KernelContext context)
            {
                body(context);
                new Span<float>(context.Output(0, 2, 2).Floats, 4).Clear();
            }
        }
    }
}
