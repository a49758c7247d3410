namespace CompressTool.Diffusion.Metrics;

/// <summary>Loops on several threads, where there is enough to do for them.</summary>
internal static class Loops
{
    private const long Worthwhile = 1 << 19;

    /// <summary>Runs a body for 0 to count - 1, in any order.</summary>
    /// <param name="count">How often.</param>
    /// <param name="work">Multiplications of a turn.</param>
    /// <param name="body">A turn; writes only what no other turn touches.</param>
    public static void For(int count, long work, Action<int> body)
    {
        if (count * work >= Worthwhile)
        {
            Parallel.For(0, count, body);
            return;
        }

        for (var i = 0; i < count; i++)
        {
            body(i);
        }
    }
}
