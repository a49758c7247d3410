namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>The things of each set of a <see cref="UnionFind"/>, one set behind the other in one array.</summary>
internal sealed class SetMembers
{
    private readonly int[] _ends;
    private readonly int[] _things;

    /// <summary>Lists the sets; later joins do not change it.</summary>
    public SetMembers(UnionFind sets)
    {
        _ends = new int[sets.Count + 1];
        _things = new int[sets.Count];
        for (var thing = 0; thing < sets.Count; thing++)
        {
            _ends[sets.Find(thing) + 1]++;
        }

        for (var root = 1; root < _ends.Length; root++)
        {
            _ends[root] += _ends[root - 1];
        }

        // Where a set starts becomes where it ends while it fills.
        for (var thing = 0; thing < sets.Count; thing++)
        {
            _things[_ends[sets.Find(thing)]++] = thing;
        }
    }

    /// <summary>The things of a set, the lowest numbers first.</summary>
    /// <param name="root">The number that stands for the set.</param>
    public ArraySegment<int> Of(int root)
    {
        var start = root == 0 ? 0 : _ends[root - 1];
        return new ArraySegment<int>(_things, start, _ends[root] - start);
    }
}
