using System.Reflection;

namespace CompressTool.Benchmarks;

/// <summary>dotnet run -c Release --project benchmarks/Benchmarks -- [NAME...]</summary>
internal static class Program
{
    private static readonly IBenchmark[] s_benchmarks =
    [
        new StartUpBenchmark(),
        new BuildOverheadBenchmark(),
        new LoadBenchmark(),
        new SaveBenchmark(),
        new LargeModelBenchmark(),
        new Training.TrainingBenchmark(),
        new Training.CheckpointingBenchmark(),
        new KernelBenchmark(),
        new ImportBenchmark(),
        new SampleBenchmark(),
        new BlockBenchmark(),
        new StructureBenchmark(),
        new CriteriaBenchmark(),
        new QuantizationBenchmark(),
        new QuantizationAccuracy(),
        new QuantizationTable(),
    ];

    /// <summary>The root folder of the repository.</summary>
    public static string RepositoryRoot { get; } = typeof(Program).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    private static int Main(string[] args)
    {
        if (args is [ChildProcess.Command, ..])
        {
            return ChildProcess.Run(args);
        }

        var unknown = args.Where(arg => s_benchmarks.All(benchmark => benchmark.Name != arg)).ToList();
        if (args.Length == 0 || unknown.Count > 0)
        {
            Console.Error.WriteLine(unknown.Count > 0 ? $"unknown benchmark: {string.Join(", ", unknown)}" : "usage: benchmarks NAME...");
            foreach (var benchmark in s_benchmarks)
            {
                Console.Error.WriteLine($"  {benchmark.Name,-14} {benchmark.Description}");
            }

            return 2;
        }

        foreach (var benchmark in s_benchmarks.Where(benchmark => args.Contains(benchmark.Name)))
        {
            Console.WriteLine($"{benchmark.Name}: {benchmark.Description}");
            var folder = Directory.CreateTempSubdirectory("compresstool-bench-").FullName;
            try
            {
                benchmark.Run(new BenchmarkContext(folder, Console.Out));
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        return 0;
    }
}
