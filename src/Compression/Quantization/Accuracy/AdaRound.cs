namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// AdaRound (Nagel et al., "Up or down? Adaptive rounding for post-training quantization", ICML 2020): decides for every weight
/// which of the two codes around it is best for the layer's output. The output's error comes from the Hessian, so that a step
/// over all samples is one matrix product.
/// </summary>
internal static class AdaRound
{
    /// <summary>Rounds a weight.</summary>
    /// <param name="weights">W, [K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="hessian">H, [K, K].</param>
    /// <param name="grid">The grid with its parameters, which stay as they are.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Cancels between steps.</param>
    public static AdaRoundResult Round(
        float[] weights, int columns, double[] hessian, IWeightGrid grid, AdaRoundOptions options, CancellationToken cancellationToken = default)
    {
        var nearest = grid.RoundAll(weights, columns, options.Threads);
        var nearestErrors = OutputError.OfColumns(weights, nearest, columns, hessian, options.Threads);
        var rounding = new SoftRounding(weights, columns, grid);
        var (rows, width) = (rounding.Rows, rounding.Width);

        // Columns are problems of their own. Each is scaled so that rounding to nearest has the error K: lambda then means the same everywhere.
        var factors = new float[width];
        for (var column = 0; column < columns; column++)
        {
            factors[column] = nearestErrors[column] > 0 ? (float)(2 * rows / nearestErrors[column]) : 0;
        }

        var (differences, gradients) = (new float[rows * width], new float[rows * width]);
        for (var iteration = 0; iteration < options.Iterations; iteration++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ParallelWork.For(rows, options.Threads, row => rounding.Differ(row, differences), cancellationToken);
            OutputError.Multiply(hessian, differences, width, gradients, options.Threads);
            var (beta, number) = (options.Beta(iteration), iteration + 1);
            ParallelWork.For(rows, options.Threads, row => rounding.Step(
                row, gradients, factors, beta is null ? 0 : (float)options.Lambda, (float)(beta ?? 0), options.LearningRate, number), cancellationToken);
        }

        // The codes exactly as they are decoded.
        var result = grid.RoundAll(rounding.Harden(weights), columns, options.Threads);
        return Choose(nearest, nearestErrors, result, OutputError.OfColumns(weights, result, columns, hessian, options.Threads));
    }

    private static AdaRoundResult Choose(float[] nearest, double[] nearestErrors, float[] result, double[] errors)
    {
        var (columns, kept) = (errors.Length, 0);
        for (var column = 0; column < columns; column++)
        {
            if (errors[column] < nearestErrors[column])
            {
                continue;
            }

            kept++;
            errors[column] = nearestErrors[column];
            for (var place = column; place < result.Length; place += columns)
            {
                result[place] = nearest[place];
            }
        }

        return new AdaRoundResult(result, nearestErrors.Sum(), errors.Sum(), kept);
    }
}
