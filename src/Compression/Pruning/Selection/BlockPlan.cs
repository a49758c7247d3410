using CompressTool.Compression.Pruning.Dependencies;

namespace CompressTool.Compression.Pruning.Selection;

/// <summary>
/// In which steps channels of a group may go: one from each block at a time, so that heads stay as large and groups of normalisations
/// as many, and only to counts that hardware likes.
/// </summary>
internal sealed class BlockPlan
{
    private readonly int _multiple;
    private readonly int _roundTo;

    /// <summary>Plans a group.</summary>
    /// <param name="group">The group.</param>
    /// <param name="roundTo">What is kept is a multiple of this, where the group is not that small already; 1 for any number.</param>
    public BlockPlan(PrunableGroup group, int roundTo = 1)
    {
        (Group, _multiple, _roundTo) = (group, group.Multiple, roundTo);
        var count = group.BlockCount;
        if (count > 1)
        {
            Blocks = [.. Enumerable.Range(0, count).Select(block => Enumerable.Range(0, group.Length).Where(channel => group.Blocks[channel] == block).ToArray())];
        }
        else
        {
            // The groups of a normalisation are blocks as they lie, so that each loses as much.
            var blocks = group.Multiple > 1 && group.Length % group.Multiple == 0 ? group.Multiple : 1;
            var size = group.Length / blocks;
            Blocks = [.. Enumerable.Range(0, blocks).Select(block => Enumerable.Range(block * size, size).ToArray())];
        }

        Size = Blocks.Min(block => block.Length);
    }

    /// <summary>The group.</summary>
    public PrunableGroup Group { get; }

    /// <summary>The channels of each block.</summary>
    public int[][] Blocks { get; }

    /// <summary>Number of channels of the smallest block.</summary>
    public int Size { get; }

    /// <summary>Whether so many channels may go from each block.</summary>
    public bool Allows(int perBlock)
    {
        var removed = perBlock * Blocks.Length;
        return perBlock == 0 || (perBlock < Size && removed % _multiple == 0 && (Group.Length - removed) % _roundTo == 0);
    }

    /// <summary>The largest number of channels of each block that may go, up to a wish.</summary>
    public int Largest(int perBlock)
    {
        perBlock = Math.Min(perBlock, Size - 1);
        while (!Allows(perBlock))
        {
            perBlock--;
        }

        return perBlock;
    }
}
