using System.Globalization;

namespace CompressTool.Benchmarks;

/// <summary>How long the tool takes to say its version.</summary>
internal sealed class StartUpBenchmark : IBenchmark
{
    private const double Limit = 0.120;

    public string Name => "startup";

    public string Description => "dotnet-compress --version, from start to end, median of 20.";

    public void Run(BenchmarkContext context)
    {
        var seconds = Measure.Median(20, () => Measure.Tool(context.Folder, "--version"));
        context.Judge("--version", string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:0} ms"), seconds <= Limit, "120 ms");
    }
}
