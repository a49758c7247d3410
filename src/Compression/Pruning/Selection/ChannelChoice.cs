using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Selection;

/// <summary>The channels that go, by group.</summary>
internal sealed class ChannelChoice
{
    private readonly Dictionary<PrunableGroup, int[]> _removed = [];
    private readonly Dictionary<Value, bool[]?[]> _kept = [];

    /// <summary>The channels that go, by group; groups that lose none are left out.</summary>
    public IEnumerable<(PrunableGroup Group, IReadOnlyList<int> Channels)> Parts => _removed.Select(pair => (pair.Key, (IReadOnlyList<int>)pair.Value));

    /// <summary>The channels of a group that go.</summary>
    public IReadOnlyList<int> Of(PrunableGroup group) => _removed.GetValueOrDefault(group) ?? [];

    /// <summary>Removes channels of a group.</summary>
    public void Remove(PrunableGroup group, int[] channels)
    {
        if (channels.Length == 0)
        {
            return;
        }

        _removed.Add(group, channels);
        var gone = channels.ToHashSet();
        foreach (var member in group.Members)
        {
            var dims = Layers.ConstantOf(member.Weight)!.Dims;
            var axes = _kept.TryGetValue(member.Weight, out var known) ? known : _kept[member.Weight] = new bool[]?[dims.Count];
            var kept = axes[member.Axis] ??= [.. Enumerable.Repeat(true, (int)dims[member.Axis])];
            for (var index = 0; index < kept.Length; index++)
            {
                kept[index] &= !gone.Contains(member.Channels[index]);
            }
        }
    }

    /// <summary>For each axis of a weight which indices are left; null when all are.</summary>
    public IReadOnlyList<bool[]?>? KeptOf(Value weight) => _kept.GetValueOrDefault(weight);
}
