using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Evaluation;

/// <summary>How far the outputs of a model are from those of the model it was made from.</summary>
public sealed record OutputComparison
{
    /// <summary>The outputs, in the original model's order.</summary>
    public required IReadOnlyList<OutputDifference> Outputs { get; init; }

    /// <summary>On how many sets of inputs both models were run.</summary>
    public required int Samples { get; init; }

    /// <summary>True when the inputs were read from files, false for random ones.</summary>
    public required bool GivenInputs { get; init; }

    /// <summary>The output with the largest absolute error.</summary>
    public OutputDifference LargestError => Outputs.MaxBy(output => output.MaxAbsError)!;

    /// <summary>The output with the smallest PSNR.</summary>
    public OutputDifference SmallestPsnr => Outputs.MinBy(output => output.Psnr)!;

    /// <summary>Runs two models on the same inputs, one model after the other, so that only one is in memory.</summary>
    /// <param name="originalPath">The reference.</param>
    /// <param name="finalPath">The model made from it; types of inputs and outputs may differ, names may not.</param>
    /// <param name="engine">Runs them.</param>
    /// <param name="inputFiles">The .npy or .safetensors file of each input, by name; null for random inputs.</param>
    /// <param name="options">How many random inputs, and how large.</param>
    /// <param name="seed">What random inputs depend on.</param>
    /// <param name="cancellationToken">Ends the runs.</param>
    /// <exception cref="CompressToolException">A model cannot be run, or the two do not have the same inputs and outputs.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static OutputComparison Run(
        string originalPath, string finalPath, IEngine engine, IReadOnlyDictionary<string, string>? inputFiles, InputOptions options, long seed, CancellationToken cancellationToken)
    {
        using var original = Model.Load(originalPath, new LoadOptions { AllowMissingWeights = true });
        var inputs = inputFiles is null ? InputSource.Random(original, options, seed) : InputSource.FromFiles(inputFiles, original.Graph);
        var expected = new List<IReadOnlyDictionary<string, NdArray>>();
        IReadOnlyList<OutputDifference> differences;
        using (var function = engine.Compile(originalPath, cancellationToken: cancellationToken))
        {
            differences = [.. function.Outputs.Select(output => new OutputDifference(output.Name))];
            for (var sample = 0; sample < inputs.Samples; sample++)
            {
                expected.Add(function.Run(inputs.Feeds(sample, function), cancellationToken: cancellationToken));
            }
        }

        using (var function = engine.Compile(finalPath, cancellationToken: cancellationToken))
        {
            var names = function.Outputs.Select(output => output.Name).ToList();
            if (differences.FirstOrDefault(output => !names.Contains(output.Name)) is { } missing)
            {
                throw new CompressToolException(CompressionErrors.UnsuitableModel, $"'{finalPath}' has no output '{missing.Name}' as the original has{NearestName.Hint(missing.Name, names)}");
            }

            for (var sample = 0; sample < inputs.Samples; sample++)
            {
                var actual = function.Run(inputs.Feeds(sample, function), [.. differences.Select(output => output.Name)], cancellationToken);
                foreach (var difference in differences)
                {
                    difference.Add(expected[sample][difference.Name], actual[difference.Name]);
                }
            }
        }

        return new OutputComparison { Outputs = differences, Samples = inputs.Samples, GivenInputs = inputFiles is not null };
    }
}
