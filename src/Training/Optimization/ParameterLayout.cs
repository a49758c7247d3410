using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Training.Optimization;

/// <summary>A parameter's place in a block.</summary>
/// <param name="Name">Its name; the initializer's.</param>
/// <param name="Dims">Its dimensions; empty for a scalar.</param>
/// <param name="Offset">Where it starts in a block, in elements; a multiple of <see cref="ParameterLayout.Granularity"/>.</param>
/// <param name="Count">Number of elements.</param>
public sealed record ParameterSlot(string Name, IReadOnlyList<long> Dims, long Offset, long Count)
{
    /// <summary>Where its room in a block ends, in elements: behind the padding, which holds zeros.</summary>
    public long End => Offset + ParameterLayout.RoundUp(Count);

    /// <summary>E.g. <c>conv.weight: float32[64,3,3,3]</c>.</summary>
    public override string ToString() => $"{Name}: float32[{string.Join(',', Dims)}]";
}

/// <summary>
/// How the parameters of a model lie in one block of float32 numbers: one after another, each on a cache line of its own,
/// the gaps filled with zeros. Parameters, gradients, optimizer state and averages share one layout, so that an optimizer is
/// one pass over whole vectors of all of them.
/// </summary>
public sealed class ParameterLayout : IEquatable<ParameterLayout>
{
    /// <summary>Elements that a parameter's room is a multiple of: one cache line.</summary>
    public const int Granularity = NativeArray.Alignment / sizeof(float);

    private readonly Dictionary<string, int> _indices;

    /// <summary>Lays parameters out in the given order.</summary>
    /// <param name="parameters">Names and dimensions.</param>
    /// <exception cref="CompressToolException">A name is given twice (<see cref="TrainingErrors.InvalidParameter"/>).</exception>
    public ParameterLayout(IEnumerable<(string Name, IReadOnlyList<long> Dims)> parameters)
    {
        var slots = new List<ParameterSlot>();
        _indices = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (name, dims) in parameters)
        {
            if (!_indices.TryAdd(name, slots.Count))
            {
                throw new CompressToolException(TrainingErrors.InvalidParameter, $"the parameter '{name}' is given twice");
            }

            var slot = new ParameterSlot(name, [.. dims], Length, dims.Aggregate(1L, (count, dim) => checked(count * dim)));
            slots.Add(slot);
            Length = slot.End;
        }

        Slots = slots;
    }

    /// <summary>The parameters, in the order of their places.</summary>
    public IReadOnlyList<ParameterSlot> Slots { get; }

    /// <summary>Elements of a block, padding included.</summary>
    public long Length { get; }

    /// <summary>Elements of all parameters, without padding.</summary>
    public long Count => Slots.Sum(slot => slot.Count);

    /// <summary>The index of a parameter in <see cref="Slots"/>.</summary>
    /// <exception cref="CompressToolException">There is none of that name (<see cref="TrainingErrors.InvalidParameter"/>).</exception>
    public int IndexOf(string name) => _indices.TryGetValue(name, out var index) ? index
        : throw new CompressToolException(TrainingErrors.InvalidParameter, $"there is no parameter '{name}'{NearestName.Hint(name, _indices.Keys)}");

    /// <summary>Whether there is a parameter of a name.</summary>
    public bool Contains(string name) => _indices.ContainsKey(name);

    /// <summary>Whether both hold the same parameters in the same places.</summary>
    public bool Equals(ParameterLayout? other) => ReferenceEquals(this, other) || (other is not null && Slots.Count == other.Slots.Count
        && Slots.Zip(other.Slots).All(pair => pair.First.Name == pair.Second.Name && pair.First.Dims.SequenceEqual(pair.Second.Dims)));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ParameterLayout);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Slots.Count, Length);

    /// <summary>A number of elements with its padding.</summary>
    internal static long RoundUp(long count) => (count + Granularity - 1) / Granularity * Granularity;

    /// <summary>The index of the parameter at a place of the block; places in the padding belong to the parameter before.</summary>
    internal int IndexAt(long offset)
    {
        var (low, high) = (0, Slots.Count - 1);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (Slots[middle].End > offset)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }
}
