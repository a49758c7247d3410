using CompressTool.Compression.Pruning.Importance;

namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>What a group's channels are.</summary>
public enum GroupKind
{
    /// <summary>Channels of convolutions, or of a residual stream.</summary>
    Channels,

    /// <summary>Hidden neurons between matrix products.</summary>
    Neurons,

    /// <summary>Parts of attention heads: each head keeps as many.</summary>
    HeadSize,

    /// <summary>Whole attention heads.</summary>
    Heads,
}

/// <summary>
/// Channels that one choice is made among: each of them is a set of indices, one or more in each member, that can only be removed
/// together.
/// </summary>
public sealed class PrunableGroup
{
    /// <summary>The layer whose output channels they are, in the words of <c>inspect --layers</c>.</summary>
    public required string Name { get; init; }

    /// <summary>What its channels are.</summary>
    public required GroupKind Kind { get; init; }

    /// <summary>Number of channels.</summary>
    public required int Length { get; init; }

    /// <summary>All constants that lose indices with the channels; the layer that gives the name comes first.</summary>
    public required IReadOnlyList<GroupMember> Members { get; init; }

    /// <summary>The block of each channel: all blocks are equally long, and stay so. One block when nothing asks for more.</summary>
    public required int[] Blocks { get; init; }

    /// <summary>How many channels are removed is a multiple of this, such as the number of groups of a normalisation.</summary>
    public required int Multiple { get; init; }

    /// <summary>Sets of channels of which at least one stays, since a layer or a slice of the model has no others. The whole group is always one.</summary>
    public IReadOnlyList<int[]> Parts { get; init; } = [];

    /// <summary>Whether a normalisation or reduction runs over the channels, so that the others change a little when some go.</summary>
    public required bool IsMixed { get; init; }

    /// <summary>The slots of each channel.</summary>
    internal ArraySegment<int>[] Slots { get; init; } = [];

    /// <summary>Number of blocks.</summary>
    public int BlockCount => Blocks.Length == 0 ? 1 : Blocks.Max() + 1;
}

/// <summary>Output channels that cannot be removed.</summary>
/// <param name="Name">The layer.</param>
/// <param name="Length">How many.</param>
/// <param name="Reason">Why, e.g. <c>it reaches the output 'sample' of the model</c>.</param>
public sealed record FixedChannels(string Name, int Length, string Reason);
