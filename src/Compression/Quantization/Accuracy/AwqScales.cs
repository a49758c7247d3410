namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// AWQ (Lin et al., MLSys 2024): rows of the weight that meet large inputs are scaled up before quantization and the inputs
/// scaled down, as far as it lowers the error of the output; then the range of each group is clipped in the same way. The error
/// is computed from the Hessian, which gives that of the samples exactly.
/// </summary>
internal static class AwqScales
{
    /// <summary>Clipping tries to take off up to a half of the range, in such parts of it.</summary>
    private const int Clips = 10, Parts = 20;

    /// <summary>Finds scales and clipping.</summary>
    /// <param name="weights">W, [K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="inputSizes">E[|x|] of each input, [K].</param>
    /// <param name="hessian">H, [K, K].</param>
    /// <param name="grid">The grid; holds the parameters of the result afterwards.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="cancellationToken">Cancels between candidates.</param>
    public static AwqResult Find(
        float[] weights, int columns, double[] inputSizes, double[] hessian, IWeightGrid grid, int threads = 0, CancellationToken cancellationToken = default)
    {
        var search = new AwqScaleSearch(inputSizes, hessian, threads);
        search.AddSizes(weights, columns, grid.GroupSize);
        search.AddErrors(weights, columns, grid, cancellationToken);
        var scales = search.Scales;
        var (clips, errors) = FindClips(weights, columns, hessian, grid, scales, threads, cancellationToken);
        return new AwqResult(scales, clips, search.Ratio, search.PlainError, errors.Sum());
    }

    /// <summary>
    /// The clipping of each group that makes the group's own part of the output best; columns that lose by it as a whole, since
    /// groups do not know of each other, are not clipped.
    /// </summary>
    /// <param name="weights">W, [K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="hessian">H, [K, K].</param>
    /// <param name="grid">The grid; holds the parameters of the result afterwards.</param>
    /// <param name="scales">[K].</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="cancellationToken">Cancels between candidates.</param>
    /// <returns>Shares of the range that each group keeps, [groups, N], and dᵀ H d of every column with them.</returns>
    public static (float[] Clips, double[] Errors) FindClips(
        float[] weights, int columns, double[] hessian, IWeightGrid grid, float[] scales, int threads = 0, CancellationToken cancellationToken = default)
    {
        var errors = new ScaledErrors(weights, columns, hessian, grid, threads);
        var groups = grid.Groups(scales.Length);
        var (best, clips) = (new double[groups * columns], new float[groups * columns]);
        for (var step = 0; step <= Clips; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var share = 1 - ((float)step / Parts);
            var candidate = new float[clips.Length];
            Array.Fill(candidate, share);
            var ofGroups = errors.OfGroups(scales, step == 0 ? null : candidate);
            for (var i = 0; i < ofGroups.Length; i++)
            {
                if (step == 0 || ofGroups[i] < best[i])
                {
                    (best[i], clips[i]) = (ofGroups[i], share);
                }
            }
        }

        var (plain, clipped) = (errors.OfColumns(scales, null), errors.OfColumns(scales, clips));
        for (var i = 0; i < clips.Length; i++)
        {
            clips[i] = clipped[i % columns] <= plain[i % columns] ? clips[i] : 1;
        }

        grid.FindAll(Apply(weights, columns, scales, clips, grid.GroupSize, threads), columns, threads);
        return (clips, [.. plain.Zip(clipped, (one, other) => other <= one ? other : one)]);
    }

    /// <summary>The weight to quantize: scaled, then clipped.</summary>
    /// <param name="weights">W, [K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="scales">[K].</param>
    /// <param name="clips">[groups, N]; null for none.</param>
    /// <param name="groupSize">Rows of a group.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    public static float[] Apply(float[] weights, int columns, float[] scales, float[]? clips, int groupSize, int threads = 0)
    {
        var result = new float[weights.Length];
        var rows = scales.Length;
        WeightGrids.ForEachSlab(columns, threads, (first, count) =>
        {
            var limits = new float[count];
            for (var row = 0; row < rows; row++)
            {
                if (clips is not null && row % groupSize == 0)
                {
                    Limits(row, first, limits);
                }

                for (var column = 0; column < count; column++)
                {
                    var place = (row * columns) + first + column;
                    var scaled = weights[place] * scales[row];
                    result[place] = clips is null ? scaled : Math.Clamp(scaled, -limits[column], limits[column]);
                }
            }
        });
        return result;

        void Limits(int row, int first, float[] limits)
        {
            Array.Clear(limits);
            for (var k = row; k < Math.Min(rows, row + groupSize); k++)
            {
                for (var column = 0; column < limits.Length; column++)
                {
                    limits[column] = Math.Max(limits[column], Math.Abs(weights[(k * columns) + first + column] * scales[k]));
                }
            }

            for (var column = 0; column < limits.Length; column++)
            {
                limits[column] *= clips![(row / groupSize * columns) + first + column];
            }
        }
    }
}

/// <summary>What <see cref="AwqScales"/> found.</summary>
/// <param name="Scales">Factors of the weight's rows, by which inputs are divided, [K].</param>
/// <param name="Clips">Shares of the range that each group keeps, [groups, N].</param>
/// <param name="Ratio">The exponent r of the inputs' sizes; null when no scaling was best.</param>
/// <param name="PlainError">tr dᵀ H d without scaling and clipping.</param>
/// <param name="Error">tr dᵀ H d with them.</param>
internal sealed record AwqResult(float[] Scales, float[] Clips, double? Ratio, double PlainError, double Error);
