namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>The inputs of some runs, evenly spaced among all; what is opened for all stays open.</summary>
/// <param name="all">All.</param>
/// <param name="count">How many runs at most.</param>
internal sealed class SomeInputs(ICalibrationInputs all, int count) : ICalibrationInputs
{
    /// <inheritdoc/>
    public int Runs { get; } = Math.Min(count, all.Runs);

    /// <inheritdoc/>
    public IEnumerable<CalibrationFeeds> Read(CancellationToken cancellationToken)
    {
        var done = 0;
        foreach (var (run, feeds) in all.Read(cancellationToken).Index())
        {
            if (run == (long)done * all.Runs / Runs)
            {
                done++;
                yield return feeds;
            }
        }
    }
}
