using System.Globalization;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Engine;

namespace CompressTool.Benchmarks.Training;

/// <summary>Training steps, inference and memory of U-Nets against eager PyTorch.</summary>
internal sealed class TrainingBenchmark : IBenchmark
{
    private const int Runs = 9;

    public string Name => "train";

    public string Description => "forward, training step (forward, backward, AdamW) and batch-1 latency of U-Nets against PyTorch: recorded figures, or measured now by COMPRESSTOOL_TORCH=PATH/bench_torch.py.";

    public void Run(BenchmarkContext context)
    {
        var only = Environment.GetEnvironmentVariable("COMPRESSTOOL_BENCHMARK_MODEL");
        var peer = Environment.GetEnvironmentVariable("COMPRESSTOOL_TORCH") is { Length: > 0 } script ? TorchFigures.Measure(script) : TorchFigures.Recorded;
        foreach (var unet in UNetModel.All.Where(unet => string.IsNullOrEmpty(only) || unet.Name == only))
        {
            var (forward, step, latency) = peer[unet.Name];
            Print(context, $"{unet.Name} forward", Forward(unet, unet.Batch), forward);
            Steps(context, unet, step);
            Print(context, $"{unet.Name} batch 1", Forward(unet, 1), latency);
            var memory = Memory(context, unet, 1);
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  peak memory of training {memory.PeakBytes / 1e6:0} MB"));
        }
    }

    /// <summary>Prints the best time, which other work on the machine disturbs least, and the median.</summary>
    private static void Print(BenchmarkContext context, string what, (double Best, double Median) seconds, double torch)
    {
        var (best, median) = (1000 * seconds.Best, 1000 * seconds.Median);
        context.Judge(what, string.Create(CultureInfo.InvariantCulture, $"{best:0.0} ms (median {median:0.0}), {torch / best:0.00} x PyTorch's speed ({torch:0.0} ms)"), torch >= best, "1.00 x");
    }

    private static (double Best, double Median) Forward(UNetModel unet, int batch)
    {
        using var model = unet.Create(batch);
        using var function = new OnnxRuntimeEngine().Compile(model);
        using var binding = Bind(function);
        return Measure.InTurns(Runs, () => binding.Run())[0];
    }

    private static void Steps(BenchmarkContext context, UNetModel unet, double torch)
    {
        // In turns, so that other work on the machine disturbs both alike.
        using (var training = new TrainingSession(unet.Create(unet.Batch)))
        using (var plain = new TrainingSession(unet.Create(unet.Batch), new GradientOptions { UseKernels = false }))
        {
            var all = Measure.InTurns(Runs, training.Step, plain.Step, training.Optimize);
            Print(context, $"{unet.Name} step", all[0], torch);
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  in standard operators {1000 * all[1].Best:0.0} ms (median {1000 * all[1].Median:0.0}); of both, the optimizer {1000 * all[2].Best:0.0} ms"));
        }

        if (Environment.GetEnvironmentVariable("COMPRESSTOOL_PROFILE") is { Length: > 0 })
        {
            using (var training = new TrainingSession(unet.Create(unet.Batch), profile: context.File(unet.Name)))
            {
                for (var step = 0; step < Runs; step++)
                {
                    training.Gradient();
                }
            }

            OperatorProfile.Print(Directory.GetFiles(context.Folder, unet.Name + "*.json").Single(), Runs, context.Output);
        }
    }

    /// <summary>Peak memory of three steps in a process of their own, with the model in a file as users have it.</summary>
    internal static Measurement Memory(BenchmarkContext context, UNetModel unet, int segments)
    {
        var file = context.File(unet.Name + ".onnx");
        if (!File.Exists(file))
        {
            using var model = unet.Create(unet.Batch);
            model.Save(file);
        }

        return Measure.Isolated(1, Train, file, segments.ToString(CultureInfo.InvariantCulture));
    }

    private static void Train(string[] arguments)
    {
        using var training = new TrainingSession(Model.Load(arguments[0]), new GradientOptions { Segments = int.Parse(arguments[1], CultureInfo.InvariantCulture) });
        for (var step = 0; step < 3; step++)
        {
            training.Step();
        }
    }

    private static IFunctionBinding Bind(ICompiledFunction function)
    {
        var binding = function.Bind();
        foreach (var input in function.Inputs)
        {
            binding.SetInput(input.Name, TrainingSession.Filled(input.Type));
        }

        foreach (var output in function.Outputs)
        {
            binding.SetOutput(output.Name, new NativeArray(output.Type.ElementType, output.Type.Shape!.ToArray()!));
        }

        return binding;
    }
}
