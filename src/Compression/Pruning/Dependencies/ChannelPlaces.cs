namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>Where slots are in groups that are being made: the group and the channel of each.</summary>
/// <param name="slots">How many slots there are.</param>
internal sealed class ChannelPlaces(int slots)
{
    private readonly int[] _groups = new int[slots];
    private readonly int[] _channels = new int[slots];

    /// <summary>The group of a slot, -1 for none, and its channel there.</summary>
    public (int Group, int Channel) Of(int slot) => (_groups[slot] - 1, _channels[slot]);

    /// <summary>Puts a slot into a group; false when it is in one.</summary>
    public bool TryAdd(int slot, int group, int channel)
    {
        if (_groups[slot] != 0)
        {
            return false;
        }

        (_groups[slot], _channels[slot]) = (group + 1, channel);
        return true;
    }
}
