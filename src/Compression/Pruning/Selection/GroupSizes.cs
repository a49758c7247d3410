using CompressTool.Compression.Pruning.Dependencies;

namespace CompressTool.Compression.Pruning.Selection;

/// <summary>How large the groups of a model were before the first of several rounds.</summary>
internal sealed class GroupSizes
{
    private readonly Dictionary<string, int> _lengths = [];

    /// <summary>Steps that the ranking of all groups had; null before it was asked for.</summary>
    public int? Steps { get; set; }

    /// <summary>Whether more rounds follow, which may remove what this one does not.</summary>
    public bool MoreFollows { get; set; }

    /// <summary>Notes groups that are seen for the first time.</summary>
    public void Note(IEnumerable<PrunableGroup> groups)
    {
        foreach (var group in groups)
        {
            _lengths.TryAdd(group.Name, group.Length);
        }
    }

    /// <summary>The number of channels of a group at first.</summary>
    public int Of(PrunableGroup group) => _lengths.GetValueOrDefault(group.Name, group.Length);
}
