using System.Diagnostics;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Evaluation;

/// <summary>
/// How long a model runs against the model it was made from, measured on this machine as it is now. The runs alternate, so
/// that whatever else the machine does meets both.
/// </summary>
/// <param name="Original">Median time of a run of the original model, in milliseconds.</param>
/// <param name="Final">Median time of a run of the other model, in milliseconds.</param>
/// <param name="Runs">Runs of each.</param>
public sealed record LatencyComparison(double Original, double Final, int Runs)
{
    /// <summary>Fewer runs give no median worth the name.</summary>
    private const int MinRuns = 5;

    /// <summary>Median time of the other model over that of the original; below 1 is faster.</summary>
    public double Ratio => Final / Original;

    /// <summary>Measures two models on the same inputs.</summary>
    /// <param name="originalPath">The original.</param>
    /// <param name="finalPath">The other model.</param>
    /// <param name="engine">Runs them.</param>
    /// <param name="inputFiles">The .npy or .safetensors file of each input, by name; null for random inputs.</param>
    /// <param name="options">How many runs, on how many threads, on what inputs.</param>
    /// <param name="seed">What random inputs depend on.</param>
    /// <param name="cancellationToken">Ends the runs.</param>
    /// <exception cref="CompressToolException">A model cannot be run, or the two do not have the same inputs.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static LatencyComparison Run(
        string originalPath, string finalPath, IEngine engine, IReadOnlyDictionary<string, string>? inputFiles, LatencyOptions options, long seed, CancellationToken cancellationToken)
    {
        using var model = Model.Load(originalPath, new LoadOptions { AllowMissingWeights = true });
        var inputs = inputFiles is null ? InputSource.Random(model, options.Inputs, seed) : InputSource.FromFiles(inputFiles, model.Graph);
        var engineOptions = new EngineOptions { Threads = options.Threads };
        using var original = engine.Compile(originalPath, engineOptions, cancellationToken);
        using var final = engine.Compile(finalPath, engineOptions, cancellationToken);
        var (originalFeeds, finalFeeds) = (inputs.Feeds(0, original), inputs.Feeds(0, final));
        for (var run = 0; run < options.WarmUp; run++)
        {
            original.Run(originalFeeds, cancellationToken: cancellationToken);
            final.Run(finalFeeds, cancellationToken: cancellationToken);
        }

        var (originalTimes, finalTimes) = (new List<double>(), new List<double>());
        var watch = Stopwatch.StartNew();
        while (originalTimes.Count < options.Runs && (originalTimes.Count < MinRuns || watch.Elapsed.TotalSeconds < options.MaxSeconds))
        {
            originalTimes.Add(Time(original, originalFeeds, cancellationToken));
            finalTimes.Add(Time(final, finalFeeds, cancellationToken));
        }

        return new LatencyComparison(Median(originalTimes), Median(finalTimes), originalTimes.Count);
    }

    private static double Time(ICompiledFunction function, IReadOnlyDictionary<string, NdArray> feeds, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        function.Run(feeds, cancellationToken: cancellationToken);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static double Median(List<double> times)
    {
        times.Sort();
        return (times[(times.Count - 1) / 2] + times[times.Count / 2]) / 2;
    }
}

/// <summary>How latency is measured.</summary>
public sealed record LatencyOptions
{
    /// <summary>Runs of each model, fewer when <see cref="MaxSeconds"/> are over.</summary>
    public int Runs { get; init; } = 21;

    /// <summary>Runs of each model before those that count.</summary>
    public int WarmUp { get; init; } = 2;

    /// <summary>Threads that one run uses; 0 for one per physical core.</summary>
    public int Threads { get; init; }

    /// <summary>After so many seconds no more runs are begun, once there are five of each.</summary>
    public double MaxSeconds { get; init; } = 60;

    /// <summary>What random inputs look like.</summary>
    public InputOptions Inputs { get; init; } = new();
}
