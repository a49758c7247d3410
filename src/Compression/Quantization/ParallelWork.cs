using System.Runtime.ExceptionServices;

namespace CompressTool.Compression.Quantization;

/// <summary>
/// Work on parts of a weight, on all cores. Every part writes to places of its own, so the result never depends on the number
/// of threads.
/// </summary>
internal static class ParallelWork
{
    /// <summary>Columns of a tile: enough to use whole cache lines of a row-major matrix.</summary>
    public const int TileColumns = 32;

    /// <summary>Fewer weights than this are not worth a second thread.</summary>
    private const long SmallMatrix = 1 << 16;

    /// <summary>Number of tiles of a matrix.</summary>
    public static int Tiles(WeightMatrix matrix) => (matrix.N + TileColumns - 1) / TileColumns;

    /// <summary>Runs the work on every tile of columns of a matrix.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="work">Receives the tile's index, its first column and its number of columns.</param>
    /// <param name="cancellationToken">Cancels between tiles.</param>
    public static void ForEachTile(WeightMatrix matrix, int threads, Action<int, int, int> work, CancellationToken cancellationToken = default) => For(
        Tiles(matrix),
        matrix.Tensor.Count < SmallMatrix ? 1 : threads,
        index => work(index, index * TileColumns, Math.Min(TileColumns, matrix.N - (index * TileColumns))),
        cancellationToken);

    /// <summary>Runs the work for the numbers from 0 to <paramref name="count"/> - 1.</summary>
    /// <param name="count">How many.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="work">The work.</param>
    /// <param name="cancellationToken">Cancels between two of them.</param>
    public static void For(int count, int threads, Action<int> work, CancellationToken cancellationToken = default)
    {
        if (threads == 1 || count <= 1)
        {
            for (var index = 0; index < count; index++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                work(index);
            }

            return;
        }

        try
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : Environment.ProcessorCount, CancellationToken = cancellationToken };
            Parallel.For(0, count, options, work);
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }
}
