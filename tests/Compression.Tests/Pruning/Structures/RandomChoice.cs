using CompressTool.Compression.Pruning.Dependencies;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>Chooses channels by chance, within what their groups allow.</summary>
internal static class RandomChoice
{
    /// <summary>Some channels of some groups, by the group's place.</summary>
    /// <param name="groups">All groups.</param>
    /// <param name="random">Chance.</param>
    /// <param name="allows">Which groups may lose channels.</param>
    public static Dictionary<int, int[]> Of(IReadOnlyList<PrunableGroup> groups, Random random, Func<PrunableGroup, bool> allows)
    {
        var candidates = groups.Index().Where(pair => allows(pair.Item)).ToArray();
        var share = random.NextDouble();
        var choice = new Dictionary<int, int[]>();
        foreach (var (index, group) in candidates)
        {
            if (random.NextDouble() < share && Channels(group, random) is { Length: > 0 } channels)
            {
                choice.Add(index, channels);
            }
        }

        while (choice.Count == 0 && candidates.Any(pair => Counts(pair.Item).Any()))
        {
            var (index, group) = candidates[random.Next(candidates.Length)];
            if (Channels(group, random) is { Length: > 0 } channels)
            {
                choice.Add(index, channels);
            }
        }

        return choice;
    }

    /// <summary>A part of each block, any channels where there is but one.</summary>
    private static int[] Channels(PrunableGroup group, Random random)
    {
        var counts = Counts(group).ToArray();
        if (counts.Length == 0)
        {
            return [];
        }

        var count = counts[random.Next(counts.Length)];
        for (var attempt = 0; attempt < 100; attempt++)
        {
            int[] channels = [.. BlocksOf(group).SelectMany(block => block.OrderBy(_ => random.Next()).Take(count)).Order()];
            if (!group.Parts.Any(part => part.All(channels.Contains)))
            {
                return channels;
            }
        }

        return [];
    }

    /// <summary>How many channels of each block may go.</summary>
    private static IEnumerable<int> Counts(PrunableGroup group)
    {
        var blocks = BlocksOf(group);
        return Enumerable.Range(1, Math.Max(0, blocks.Min(block => block.Length) - 1)).Where(count => count * blocks.Length % group.Multiple == 0);
    }

    private static int[][] BlocksOf(PrunableGroup group) => [.. Enumerable.Range(0, group.Length).GroupBy(channel => group.Blocks[channel]).Select(block => block.ToArray())];
}
