using System.Diagnostics;
using System.Globalization;
using CompressTool.Diffusion.Import;
using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Diffusion.Samplers;
using CompressTool.Diffusion.Sampling;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Benchmarks;

/// <summary>
/// The whole sampling loop against the model alone, bound once and run as often: what noise, sampler and bookkeeping cost.
/// Other work on the machine disturbs the comparison in turns; the share of the loop's time that is inside the runtime is
/// measured in the loop itself.
/// </summary>
internal sealed class SampleBenchmark : IBenchmark
{
    private const int Steps = 50, Runs = 5, Side = 32, Classes = 10;
    private const double Aim = 0.95;

    private static readonly (string Sampler, int Batch)[] s_cases = [("ddim", 1), ("ddim", 16), ("ddpm", 16)];

    public string Name => "sample";

    public string Description => $"{Steps} steps of samplers on the U-Net of samples/Shapes: the loop against the model alone.";

    public void Run(BenchmarkContext context)
    {
        var folder = Path.Combine(Program.RepositoryRoot, "samples", "Shapes", "models", "shapes");
        using var model = DiffusersImporter.Import(DiffusersComponent.Find(folder), new ImportOptions { Size = new ImageSize(Side, Side) });
        using var function = new TimedFunction(new OnnxRuntimeEngine().Compile(model));
        var config = SchedulerConfig.Load(Path.Combine(folder, "scheduler", "scheduler_config.json"));
        foreach (var (name, batch) in s_cases)
        {
            var denoiser = new Denoiser(function);
            var sampler = SamplerFactory.Create(SamplerPresets.Apply(SamplerPresets.Find(name), config), new SamplerSettings { Steps = Steps });
            var options = new SamplingOptions { Count = batch, Batch = batch, Labels = [.. Enumerable.Range(0, batch).Select(index => (long)index % Classes)] };
            var (inside, whole) = (TimeSpan.Zero, TimeSpan.Zero);
            var times = Measure.InTurns(Runs, () => Alone(function, denoiser, batch), () =>
            {
                function.Elapsed = TimeSpan.Zero;
                var start = Stopwatch.GetTimestamp();
                using var samples = new SamplingLoop(denoiser, sampler).Run(options, new TorchGenerator(0));
                whole += Stopwatch.GetElapsedTime(start);
                inside += function.Elapsed;
            });
            var (ratio, share) = (times[0].Best / times[1].Best, inside / whole);
            context.Judge(
                $"{name} {Steps}, batch {batch}: {Text(batch / times[1].Best)} images/s",
                $"{Text(ratio)} of alone, {share.ToString("0.0000", CultureInfo.InvariantCulture)} inside",
                share >= Aim,
                $"{Text(Aim)}");
        }
    }

    /// <summary>The model as often, on memory that is bound once.</summary>
    private static void Alone(TimedFunction function, Denoiser denoiser, int batch)
    {
        long[] dims = [batch, .. denoiser.SampleShape()];
        using NativeArray sample = new(DataType.Float, dims), output = new(DataType.Float, dims), timestep = new(DataType.Int64, batch), labels = new(DataType.Int64, batch);
        new TorchGenerator(0).FillNormal(sample.AsSpan<float>());
        using var binding = function.Bind();
        binding.SetInput(denoiser.Sample.Name, sample);
        binding.SetInput(denoiser.Timestep.Name, timestep);
        binding.SetInput(denoiser.Labels!.Name, labels);
        binding.SetOutput(denoiser.Output.Name, output);
        for (var step = 0; step < Steps; step++)
        {
            binding.Run();
        }
    }

    private static string Text(double number) => number.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>A function that counts the time of its runs.</summary>
    private sealed class TimedFunction(ICompiledFunction function) : ICompiledFunction
    {
        public TimeSpan Elapsed { get; set; }

        public IReadOnlyList<FunctionValue> Inputs => function.Inputs;

        public IReadOnlyList<FunctionValue> Outputs => function.Outputs;

        public IReadOnlyDictionary<string, NdArray> Run(IReadOnlyDictionary<string, NdArray> feeds, IReadOnlyList<string>? outputs = null, CancellationToken cancellationToken = default) =>
            function.Run(feeds, outputs, cancellationToken);

        public long? PeakBytes => function.PeakBytes;

        public IFunctionBinding Bind() => new Binding(this, function.Bind());

        public void Dispose() => function.Dispose();

        private sealed class Binding(TimedFunction owner, IFunctionBinding binding) : IFunctionBinding
        {
            public void SetInput(string name, NativeArray array) => binding.SetInput(name, array);

            public void SetOutput(string name, NativeArray array) => binding.SetOutput(name, array);

            public void SetInput(string name, DeviceArray array) => binding.SetInput(name, array);

            public void SetOutput(string name, DeviceArray array) => binding.SetOutput(name, array);

            public void Run(CancellationToken cancellationToken = default)
            {
                var start = Stopwatch.GetTimestamp();
                binding.Run(cancellationToken);
                owner.Elapsed += Stopwatch.GetElapsedTime(start);
            }

            public void Dispose() => binding.Dispose();
        }
    }
}
