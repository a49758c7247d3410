using System.Runtime.ExceptionServices;

namespace CompressTool.Compression.Quantization;

/// <summary>
/// Work on parts of a weight, on all cores. Every part writes to places of its own, so the result never depends on the number
/// of threads.
/// </summary>
internal static class ParallelWork
{
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
