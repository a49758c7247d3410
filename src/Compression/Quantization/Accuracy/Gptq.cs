using CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// GPTQ (Frantar et al., ICLR 2023): quantizes a weight row by row (input channel by input channel) and raises the rows that
/// are still to come so that they make good, as far as they can, for what the outputs lost.
/// </summary>
internal static class Gptq
{
    /// <summary>Quantizes a weight.</summary>
    /// <param name="weights">[K, N]; left as they are.</param>
    /// <param name="columns">N.</param>
    /// <param name="hessian">H of the layer's inputs, [K, K].</param>
    /// <param name="grid">The grid; its parameters are found here.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static GptqResult Quantize(float[] weights, int columns, double[] hessian, IWeightGrid grid, GptqOptions options, CancellationToken cancellationToken = default)
    {
        var rows = weights.Length / columns;
        var order = Enumerable.Range(0, rows).ToArray();
        if (options.OrdersByActivation)
        {
            order = [.. order.OrderByDescending(row => hessian[row * (rows + 1)])];
        }

        if (HessianFactor.Find(hessian, order, options.Damping, options.Threads, cancellationToken) is not { } factor)
        {
            return new GptqResult(grid.RoundToNearest(weights, columns, options.Threads), null);
        }

        weights = [.. weights];
        for (var row = 0; row < rows; row++)
        {
            if (hessian[row * (rows + 1)] == 0)
            {
                weights.AsSpan(row * columns, columns).Clear();
            }
        }

        var isFixed = options.OrdersByActivation || grid.GroupSize >= rows;
        if (isFixed)
        {
            grid.FindAll(weights, columns, options.Threads);
        }

        // A group that finds its parameters on the way must not reach beyond the block.
        var block = isFixed ? options.BlockSize : (options.BlockSize + grid.GroupSize - 1) / grid.GroupSize * grid.GroupSize;
        var (quantized, errors, raise) = (new float[weights.Length], new float[weights.Length], new float[Math.Min(block, rows) * columns]);
        for (var first = 0; first < rows; first += block)
        {
            var (start, count) = (first, Math.Min(block, rows - first));
            factor.Collect(start, count, errors, columns, raise, options.Threads);
            var shares = Shares(factor, start, count);
            WeightGrids.ForEachSlab(columns, options.Threads, (column, width) =>
            {
                var slab = new Slab(grid, weights, quantized, errors, columns, column, width);
                slab.Quantize(factor.Order.AsSpan(start, count), start, raise, shares, findsParameters: !isFixed);
            }, cancellationToken);
        }

        return new GptqResult(quantized, factor.Damping);
    }

    /// <summary>Shares inside a block, [count, count]: row i holds those of its error.</summary>
    private static float[] Shares(HessianFactor factor, int first, int count)
    {
        var shares = new float[count * count];
        for (var i = 0; i < count; i++)
        {
            for (var j = i + 1; j < count; j++)
            {
                shares[(i * count) + j] = factor.Share(first + i, first + j);
            }
        }

        return shares;
    }

    /// <summary>Some columns, which one thread works on.</summary>
    private readonly record struct Slab(IWeightGrid Grid, float[] Weights, float[] Quantized, float[] Errors, int Columns, int First, int Width)
    {
        public void Quantize(ReadOnlySpan<int> rows, int position, float[] raise, float[] shares, bool findsParameters)
        {
            var current = new float[rows.Length * Width];
            for (var i = 0; i < rows.Length; i++)
            {
                var line = current.AsSpan(i * Width, Width);
                Weights.AsSpan((rows[i] * Columns) + First, Width).CopyTo(line);
                FloatRows.AddScaled(1, raise.AsSpan((i * Columns) + First, Width), line);
            }

            for (var i = 0; i < rows.Length; i++)
            {
                var row = rows[i];
                if (findsParameters && row % Grid.GroupSize == 0)
                {
                    FindParameters(rows, i, current, shares);
                }

                var line = current.AsSpan(i * Width, Width);
                var place = (row * Columns) + First;
                Grid.Round(row, First, line, Quantized.AsSpan(place, Width));
                var error = Errors.AsSpan(((position + i) * Columns) + First, Width);
                Weights.AsSpan(place, Width).CopyTo(error);
                FloatRows.AddScaled(-1, Quantized.AsSpan(place, Width), error);
                Spread(error, shares.AsSpan(i * rows.Length, rows.Length), current, i + 1, rows.Length);
            }
        }

        /// <summary>
        /// Finds a group's parameters from its weights as they would best be if they stayed real: what a row is raised by is an
        /// "error" too, which later rows of the group answer to.
        /// </summary>
        private void FindParameters(ReadOnlySpan<int> rows, int first, float[] current, float[] shares)
        {
            var last = Math.Min(rows.Length, first + Grid.GroupSize);
            var raised = current[..(last * Width)];
            var error = new float[Width];
            for (var i = first; i < last; i++)
            {
                Weights.AsSpan((rows[i] * Columns) + First, Width).CopyTo(error);
                FloatRows.AddScaled(-1, raised.AsSpan(i * Width, Width), error);
                Spread(error, shares.AsSpan(i * rows.Length, rows.Length), raised, i + 1, last);
            }

            Grid.FindParameters(rows[first] / Grid.GroupSize, First, Width, raised.AsSpan(first * Width), Width, last - first);
        }

        private void Spread(ReadOnlySpan<float> error, ReadOnlySpan<float> shares, float[] rows, int first, int last)
        {
            for (var j = first; j < last; j++)
            {
                FloatRows.AddScaled(shares[j], error, rows.AsSpan(j * Width, Width));
            }
        }
    }
}
