using System.Globalization;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Tests.Support;

namespace CompressTool.Runtime.Tests;

/// <summary>
/// Sessions, runs and values by the thousand, disposed or forgotten: resident memory must level off. If sessions,
/// tensors or pins leaked, these loops would grow by hundreds of megabytes.
/// </summary>
[TestClass]
[DoNotParallelize]
public sealed class LeakTests
{
    private const double LimitMegabytes = 30;

    // 100 kB of weights: a leaked session shows.
    private static readonly byte[] s_model = TinyModel.Model(TinyModel.Graph(
        [TinyModel.Node("MatMul", ["x", "w"], ["y"], "matmul")],
        [TinyModel.Value("x", Onnx.DataType.Float, "n", 160)], [TinyModel.Value("y", Onnx.DataType.Float, "n", 160)],
        TinyModel.Tensor("w", [160, 160], new float[160 * 160])));

    [TestMethod]
    public void Thousand_sessions_leave_nothing_behind() => AssertLevel(1000, () =>
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        using var session = new InferenceSession(s_model, options);
        _ = session.InputMetadata;
        _ = session.ModelMetadata;
        Run(session, disposeOutputs: true);
    });

    [TestMethod]
    public void Thousands_of_runs_leave_nothing_behind()
    {
        using var session = new InferenceSession(s_model);
        using var cancellation = new CancellationTokenSource();
        var x = OrtValue.CreateTensorValueFromMemory(new float[64 * 160], [64, 160]);
        var inputs = new Dictionary<string, OrtValue> { ["x"] = x };
        AssertLevel(20_000, () => session.Run(inputs, cancellationToken: cancellation.Token).Dispose());
        x.Dispose();
    }

    [TestMethod]
    public void Values_and_bindings_leave_nothing_behind()
    {
        using var session = new InferenceSession(s_model);
        AssertLevel(10_000, () =>
        {
            using var x = OrtValue.CreateAllocatedTensorValue(OrtAllocator.Default, Onnx.DataType.Float, [16, 160]);
            using var binding = session.CreateIoBinding();
            binding.BindInput("x", x);
            binding.BindOutputToDevice("y", OrtMemoryInfo.Cpu);
            session.RunWithBinding(binding);
            using var outputs = binding.GetOutputValues();
            using var strings = OrtValue.CreateFromStrings(["a string that is not short", "another"], [2]);
            _ = strings.GetStringTensorAsArray();
        });
    }

    [TestMethod]
    public void Forgotten_objects_are_finalized() => AssertLevel(1000, () =>
    {
        var options = new SessionOptions { IntraOpNumThreads = 1 };
        var session = new InferenceSession(s_model, options);
        Run(session, disposeOutputs: false);
        var binding = session.CreateIoBinding();
        binding.BindInput("x", OrtValue.CreateTensorValueFromMemory(new float[8 * 160], [8, 160]));
        binding.BindOutputToDevice("y", OrtMemoryInfo.Cpu);
        session.RunWithBinding(binding);
        _ = binding.GetOutputValues();
    }, collectEvery: 10);

    [TestMethod]
    public void Failures_leave_nothing_behind()
    {
        using var session = new InferenceSession(s_model);
        AssertLevel(3000, () =>
        {
            using var x = OrtValue.CreateTensorValueFromMemory(new float[8 * 1000], [8, 1000]);
            Assert.Throws<CompressToolException>(() => session.Run(new Dictionary<string, OrtValue> { ["x"] = x }));
            Assert.Throws<CompressToolException>(() => new InferenceSession(s_model.AsMemory(0, 50_000)));
            Assert.Throws<CompressToolException>(() => OrtValue.CreateTensorValueFromMemory(new float[10_000], [3]));
        });
    }

    private static void Run(InferenceSession session, bool disposeOutputs)
    {
        var x = OrtValue.CreateTensorValueFromMemory(new float[8 * 160], [8, 160]);
        var outputs = session.Run(new Dictionary<string, OrtValue> { ["x"] = x });
        if (disposeOutputs)
        {
            x.Dispose();
            outputs.Dispose();
        }
    }

    private static void AssertLevel(int times, Action action, int collectEvery = 100)
    {
        Repeat(times / 4); // Pools and caches fill
        var before = ResidentMegabytes();
        Repeat(times);
        Assert.IsLessThan(LimitMegabytes, ResidentMegabytes() - before);

        void Repeat(int count)
        {
            for (var i = 0; i < count; i++)
            {
                action();
                if (i % collectEvery == 0)
                {
                    Collect(); // What is forgotten goes when the collector says so, which knows nothing of the native memory
                }
            }
        }
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    private static double ResidentMegabytes()
    {
        Collect();
        Collect();
        if (OperatingSystem.IsLinux())
        {
            var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            return double.Parse(line.AsSpan(6, line.Length - 8), CultureInfo.InvariantCulture) / 1024;
        }

        return Environment.WorkingSet / 1048576.0;
    }
}
