namespace CompressTool.Diffusion.Samplers;

/// <summary>The last few arrays of a multistep method, the newest first. Memory is used again.</summary>
/// <param name="capacity">How many are kept.</param>
internal sealed class History(int capacity)
{
    private readonly float[][] _arrays = new float[capacity][];
    private int _length;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>An array, 0 the newest.</summary>
    public float[] this[int age] => age < Count ? _arrays[age] : throw new InvalidOperationException($"The history is {Count} long.");

    /// <summary>Forgets all.</summary>
    /// <param name="length">The length of the arrays to come.</param>
    public void Clear(int length) => (Count, _length) = (0, length);

    /// <summary>Makes room for a new one, whose content the caller writes; the oldest goes when there are too many.</summary>
    public float[] Push()
    {
        var newest = _arrays[^1];
        Array.Copy(_arrays, 0, _arrays, 1, _arrays.Length - 1);
        _arrays[0] = newest is null || newest.Length != _length ? new float[_length] : newest;
        Count = Math.Min(Count + 1, _arrays.Length);
        return _arrays[0];
    }
}
