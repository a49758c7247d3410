namespace CompressTool.Training.Optimization;

/// <summary>
/// Splits a pass over blocks into chunks of a fixed size for several threads. Chunks do not depend on the number of threads,
/// so sums made chunk by chunk do not either.
/// </summary>
internal static class BlockPass
{
    /// <summary>Elements of a chunk: small enough for an even load, large enough to pay for its dispatch.</summary>
    public const int ChunkLength = 1 << 16;

    /// <summary>Works on a range of a block.</summary>
    /// <param name="chunk">The number of the chunk.</param>
    /// <param name="start">The first element; a multiple of <see cref="ParameterLayout.Granularity"/>.</param>
    /// <param name="end">Behind the last element; likewise.</param>
    public delegate void Work(int chunk, long start, long end);

    /// <summary>Works on a range that lies within the room of one parameter.</summary>
    public delegate void SlotWork(int slot, long start, long end);

    /// <summary>The number of chunks of a block.</summary>
    public static int ChunkCount(ParameterLayout layout) => checked((int)((layout.Length + ChunkLength - 1) / ChunkLength));

    /// <summary>Works on all chunks of a block.</summary>
    /// <param name="layout">The block's.</param>
    /// <param name="threads">How many threads may work; 0 for one per processor.</param>
    /// <param name="work">Called once for each chunk, on any thread.</param>
    public static void Run(ParameterLayout layout, int threads, Work work)
    {
        var chunks = ChunkCount(layout);
        if (chunks == 1 || threads == 1)
        {
            for (var chunk = 0; chunk < chunks; chunk++)
            {
                Call(chunk);
            }

            return;
        }

        Parallel.For(0, chunks, new ParallelOptions { MaxDegreeOfParallelism = threads == 0 ? Environment.ProcessorCount : threads }, Call);

        void Call(int chunk)
        {
            var start = (long)chunk * ChunkLength;
            work(chunk, start, Math.Min(start + ChunkLength, layout.Length));
        }
    }

    /// <summary>Splits a range at the borders of parameters.</summary>
    public static void Split(ParameterLayout layout, long start, long end, SlotWork work)
    {
        for (var slot = layout.IndexAt(start); start < end; slot++)
        {
            var stop = Math.Min(end, layout.Slots[slot].End);
            if (stop > start)
            {
                work(slot, start, stop);
                start = stop;
            }
        }
    }
}
