namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>
/// A run of slots seen as an array of several dimensions: what a Reshape makes of an axis, such as heads by head size. A slot is one
/// index of one axis of one tensor; with one dimension a grid is that axis itself.
/// </summary>
/// <param name="slots">The slots, row by row.</param>
/// <param name="shape">The dimensions.</param>
internal sealed class Grid(int[] slots, int[] shape)
{
    private readonly int[]?[] _units = new int[]?[shape.Length];

    /// <summary>A number of its own.</summary>
    public int Id { get; set; }

    /// <summary>The slots, row by row.</summary>
    public int[] Slots { get; } = slots;

    /// <summary>The dimensions.</summary>
    public int[] Shape { get; } = shape;

    /// <summary>Number of dimensions.</summary>
    public int Rank => Shape.Length;

    /// <summary>
    /// True when the borders between its rows mean something: all rows keep equally many slots then. False for the groups of a
    /// normalisation, whose number stays and whose borders may move.
    /// </summary>
    public bool IsHard { get; set; }

    /// <summary>Dimensions that run over attention heads, as bits.</summary>
    public int HeadDims { get; set; }

    /// <summary>Dimensions that something else lies along without the others, as bits: the same indices must go in all rows.</summary>
    public int AloneDims { get; set; }

    /// <summary>Whether slices along any dimension are coupled with something.</summary>
    public bool HasUnits => Array.Exists(_units, units => units is not null);

    /// <summary>The slices along a dimension as things that are removed whole; null while nobody asked.</summary>
    public int[]? UnitsOf(int dim) => _units[dim];

    /// <summary>The slices along a dimension as things that are removed whole.</summary>
    public int[] UnitsOf(int dim, UnionFind units) => _units[dim] ??= units.Create(Shape[dim]);

    /// <summary>How far apart neighbours along a dimension are.</summary>
    public int StrideOf(int dim)
    {
        var stride = 1;
        for (var inner = Rank - 1; inner > dim; inner--)
        {
            stride *= Shape[inner];
        }

        return stride;
    }

    /// <summary>The coordinate of a position along a dimension.</summary>
    public int Coordinate(int position, int dim) => position / StrideOf(dim) % Shape[dim];

    /// <summary>The slots in the order of another sequence of the dimensions.</summary>
    public int[] Permuted(ReadOnlySpan<int> dims)
    {
        var ordered = true;
        for (var index = 0; index < dims.Length; index++)
        {
            ordered &= dims[index] == index;
        }

        if (ordered)
        {
            return Slots;
        }

        var result = new int[Slots.Length];
        var strides = new int[dims.Length];
        var counters = new int[dims.Length];
        for (var index = 0; index < dims.Length; index++)
        {
            strides[index] = StrideOf(dims[index]);
        }

        for (int target = 0, source = 0; target < result.Length; target++)
        {
            result[target] = Slots[source];
            for (var index = dims.Length - 1; index >= 0; index--)
            {
                source += strides[index];
                if (++counters[index] < Shape[dims[index]])
                {
                    break;
                }

                source -= strides[index] * counters[index];
                counters[index] = 0;
            }
        }

        return result;
    }

    /// <summary>The part at some indices along a dimension, which may occur several times.</summary>
    public Grid Select(int dim, ReadOnlySpan<int> indices)
    {
        var inner = StrideOf(dim);
        var outer = Slots.Length / (inner * Shape[dim]);
        var result = new int[outer * indices.Length * inner];
        var target = 0;
        for (var block = 0; block < outer; block++)
        {
            foreach (var index in indices)
            {
                Slots.AsSpan(((block * Shape[dim]) + index) * inner, inner).CopyTo(result.AsSpan(target));
                target += inner;
            }
        }

        int[] shape = [.. Shape];
        shape[dim] = indices.Length;
        return new Grid(result, shape) { IsHard = IsHard, HeadDims = HeadDims, AloneDims = AloneDims };
    }
}
