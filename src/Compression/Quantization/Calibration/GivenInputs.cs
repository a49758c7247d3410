using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Loop;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>Inputs from the data of the recipe.</summary>
/// <param name="source">Batches with an array for every input of the model.</param>
/// <param name="names">The model's inputs.</param>
/// <param name="seed">The recipe's seed.</param>
/// <param name="runs">How many batches.</param>
internal sealed class GivenInputs(IBatchSource source, IReadOnlyList<string> names, long seed, int runs) : ICalibrationInputs
{
    /// <inheritdoc/>
    public int Runs => runs;

    /// <inheritdoc/>
    public CalibrationFeeds Read(int run, CancellationToken cancellationToken)
    {
        using var batch = source.Read((ulong)seed, run, cancellationToken);
        return new CalibrationFeeds(names.ToDictionary(name => name, name => batch.Arrays.GetValueOrDefault(name)?.ToNdArray()
            ?? throw new CompressToolException(CompressionErrors.UnsuitableModel, $"the data has nothing for '{name}', which the model takes; it has {string.Join(", ", batch.Arrays.Keys)}") { OptionPath = "calibration.data" }), 0);
    }
}
