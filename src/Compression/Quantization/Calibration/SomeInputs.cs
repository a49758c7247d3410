namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>The inputs of some runs, evenly spaced among all; what is opened for all stays open.</summary>
/// <param name="all">All.</param>
/// <param name="count">How many runs at most.</param>
internal sealed class SomeInputs(ICalibrationInputs all, int count) : ICalibrationInputs
{
    /// <inheritdoc/>
    public int Runs { get; } = Math.Min(count, all.Runs);

    /// <inheritdoc/>
    public CalibrationFeeds Read(int run, CancellationToken cancellationToken) => all.Read((int)((long)run * all.Runs / Runs), cancellationToken);
}
