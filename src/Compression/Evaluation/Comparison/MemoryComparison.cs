using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Evaluation;

/// <summary>The memory that runs of a model need against those of the model it was made from.</summary>
/// <param name="Original">The most that the original has in use at once, weights included, in bytes.</param>
/// <param name="Final">The most that the other model has.</param>
public sealed record MemoryComparison(long Original, long Final)
{
    /// <summary>Memory plans are made by a first run and followed by those after it.</summary>
    private const int Runs = 2;

    /// <summary>Memory of the other model over that of the original; below 1 is less.</summary>
    public double Ratio => Final / (double)Original;

    /// <summary>Measures two models on the same inputs.</summary>
    /// <param name="originalPath">The original.</param>
    /// <param name="finalPath">The other model.</param>
    /// <param name="engine">Runs them.</param>
    /// <param name="inputFiles">The .npy or .safetensors file of each input, by name; null for random inputs.</param>
    /// <param name="options">What random inputs look like.</param>
    /// <param name="seed">What random inputs depend on.</param>
    /// <param name="cancellationToken">Ends the runs.</param>
    /// <exception cref="CompressToolException">A model cannot be run, the two do not have the same inputs, or the engine does not count (<see cref="RuntimeErrors.FeatureNotAvailable"/>).</exception>
    public static MemoryComparison Run(
        string originalPath, string finalPath, IEngine engine, IReadOnlyDictionary<string, string>? inputFiles, InputOptions options, long seed, CancellationToken cancellationToken)
    {
        using var model = Model.Load(originalPath, new LoadOptions { AllowMissingWeights = true });
        var inputs = inputFiles is null ? InputSource.Random(model, options, seed) : InputSource.FromFiles(inputFiles, model.Graph);
        return new MemoryComparison(Measure(originalPath, engine, inputs, cancellationToken), Measure(finalPath, engine, inputs, cancellationToken));
    }

    /// <summary>The most that runs of a model have in use at once, in bytes.</summary>
    private static long Measure(string path, IEngine engine, InputSource inputs, CancellationToken cancellationToken)
    {
        using var function = engine.Compile(path, cancellationToken: cancellationToken);
        var feeds = inputs.Feeds(0, function);
        for (var run = 0; run < Runs; run++)
        {
            function.Run(feeds, cancellationToken: cancellationToken);
        }

        using var model = Model.Load(path, new LoadOptions { AllowMissingWeights = true });
        return (function.PeakBytes ?? throw new CompressToolException(RuntimeErrors.FeatureNotAvailable, $"{engine.Name} {engine.Version} does not count its memory, which takes ONNX Runtime 1.23 or newer"))
            + model.Files.Where(file => file != model.Path).Sum(file => new FileInfo(file).Length);
    }
}
