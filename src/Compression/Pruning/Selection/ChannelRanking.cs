namespace CompressTool.Compression.Pruning.Selection;

/// <summary>Orders the channels of a group: those with the smallest scores go first, of equal ones those that come first.</summary>
internal sealed class ChannelRanking
{
    private readonly int[][] _orders;
    private int _most;

    /// <summary>Ranks each block by itself (Torch-Pruning 1.2), or all blocks alike by the mean over them (Torch-Pruning 1.6).</summary>
    /// <param name="plan">The group and its blocks.</param>
    /// <param name="scores">The score of each channel.</param>
    /// <param name="alike">Whether all blocks lose the same places.</param>
    public ChannelRanking(BlockPlan plan, double[] scores, bool alike)
    {
        (Plan, Scores) = (plan, scores);
        _orders = alike && plan.Blocks.Length > 1 && Array.TrueForAll(plan.Blocks, block => block.Length == plan.Size)
            ? Alike(plan, scores)
            : [.. plan.Blocks.Select(block => Order(block, channel => scores[channel]))];
        KeepParts();
    }

    /// <summary>The group and its blocks.</summary>
    public BlockPlan Plan { get; }

    /// <summary>The score of each channel.</summary>
    public double[] Scores { get; }

    /// <summary>The channels that go when each block loses so many, in order.</summary>
    public int[] First(int perBlock) => [.. _orders.SelectMany(order => order[..Plan.Largest(Math.Min(perBlock, _most))]).Order()];

    /// <summary>What all blocks lose with one more channel each: the mean score of those channels.</summary>
    public double CostOf(int step) => _orders.Average(order => Scores[order[step]]);

    /// <summary>The best channel of each part goes last in its block, so that it stays.</summary>
    private void KeepParts()
    {
        _most = Plan.Size;
        if (Plan.Group.Parts.Count == 0)
        {
            return;
        }

        var rank = _orders.SelectMany(order => order.Index()).ToDictionary(pair => pair.Item, pair => pair.Index);
        var kept = new HashSet<int>();
        foreach (var part in Plan.Group.Parts.OrderBy(part => part.Length))
        {
            if (!Array.Exists(part, kept.Contains))
            {
                kept.Add(part.MaxBy(channel => rank[channel]));
            }
        }

        for (var block = 0; block < _orders.Length; block++)
        {
            _orders[block] = [.. _orders[block].OrderBy(kept.Contains)];
            _most = Math.Min(_most, _orders[block].Count(channel => !kept.Contains(channel)));
        }
    }

    private static int[][] Alike(BlockPlan plan, double[] scores)
    {
        var means = Enumerable.Range(0, plan.Size).Select(place => plan.Blocks.Average(block => scores[block[place]])).ToArray();
        var places = Order([.. Enumerable.Range(0, plan.Size)], place => means[place]);
        return [.. plan.Blocks.Select(block => Array.ConvertAll(places, place => block[place]))];
    }

    private static int[] Order(int[] items, Func<int, double> scoreOf) => [.. items.OrderBy(scoreOf)];
}
