namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>
/// Sets of things that are removed together. Each thing has a number; a set may be frozen, which says that it stays, and why.
/// </summary>
internal sealed class UnionFind
{
    private int[] _parents = new int[1024];
    private string?[] _reasons = new string?[1024];
    private bool[] _mixed = new bool[1024];

    /// <summary>Begins without things.</summary>
    public UnionFind()
    {
    }

    /// <summary>Begins with the sets of another one, which stay as they are there.</summary>
    public UnionFind(UnionFind other)
    {
        (_reasons, _mixed, _parents, Count) = ([.. other._reasons], [.. other._mixed], [.. other._parents], other.Count);
    }

    /// <summary>How many things there are.</summary>
    public int Count { get; private set; }

    /// <summary>Makes new things, each in a set of its own.</summary>
    /// <returns>Their numbers, one after the other.</returns>
    public int[] Create(int count)
    {
        var numbers = new int[count];
        if (Count + count > _parents.Length)
        {
            var capacity = Math.Max(_parents.Length * 2, Count + count);
            Array.Resize(ref _parents, capacity);
            Array.Resize(ref _reasons, capacity);
            Array.Resize(ref _mixed, capacity);
        }

        for (var index = 0; index < count; index++)
        {
            numbers[index] = _parents[Count] = Count++;
        }

        return numbers;
    }

    /// <summary>The number that stands for the set of a thing.</summary>
    public int Find(int number)
    {
        while (_parents[number] != number)
        {
            number = _parents[number] = _parents[_parents[number]];
        }

        return number;
    }

    /// <summary>Makes one set of two.</summary>
    public void Join(int first, int second)
    {
        (first, second) = (Find(first), Find(second));
        if (first == second)
        {
            return;
        }

        // The older number stands for both, so that names and orders do not depend on the order of joining.
        var (kept, gone) = first < second ? (first, second) : (second, first);
        _parents[gone] = kept;
        _reasons[kept] ??= _reasons[gone];
        _mixed[kept] |= _mixed[gone];
    }

    /// <summary>Joins things pairwise.</summary>
    public void Join(int[] first, int[] second)
    {
        if (!ReferenceEquals(first, second))
        {
            for (var index = 0; index < first.Length; index++)
            {
                Join(first[index], second[index]);
            }
        }
    }

    /// <summary>Says that the set of a thing stays.</summary>
    public void Freeze(int number, string reason) => _reasons[Find(number)] ??= reason;

    /// <summary>Why the set of a thing stays; null when it may go.</summary>
    public string? ReasonOf(int number) => _reasons[Find(number)];

    /// <summary>Notes that a normalisation or reduction runs over the set, so that the others change when it goes.</summary>
    public void Mix(int number) => _mixed[Find(number)] = true;

    /// <summary>Whether a normalisation or reduction runs over the set.</summary>
    public bool IsMixed(int number) => _mixed[Find(number)];

    /// <summary>The things of all sets as they are now.</summary>
    public SetMembers Members() => new(this);
}
