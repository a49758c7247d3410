namespace CompressTool.Training.Tests.Differentiation.Rules;

/// <summary>An array of doubles, row-major, for plain reference implementations.</summary>
internal sealed class Nd(double[] data, params int[] dims)
{
    public double[] Data => data;

    public int[] Dims => dims;

    public int Rank => dims.Length;

    /// <summary>An element; the array is broadcast to the rank of the index, and along axes of size 1.</summary>
    public double this[params ReadOnlySpan<int> index]
    {
        get => data[Offset(index)];
        set => data[Offset(index)] = value;
    }

    public static Nd Zeros(params int[] dims) => new(new double[dims.Aggregate(1, (count, dim) => count * dim)], dims);

    public static Nd Of(int[] dims, Func<int[], double> element)
    {
        var result = Zeros(dims);
        foreach (var index in Indices(dims))
        {
            result[index] = element(index);
        }

        return result;
    }

    /// <summary>All indices of a shape, in order; the array is the same each time.</summary>
    public static IEnumerable<int[]> Indices(params int[] dims)
    {
        var count = dims.Aggregate(1, (product, dim) => product * dim);
        var index = new int[dims.Length];
        for (var number = 0; number < count; number++)
        {
            yield return index;
            for (var axis = dims.Length - 1; axis >= 0 && ++index[axis] == dims[axis]; axis--)
            {
                index[axis] = 0;
            }
        }
    }

    /// <summary>The shape that two shapes broadcast to.</summary>
    public static int[] Broadcast(int[] a, int[] b)
    {
        var (longer, shorter) = a.Length >= b.Length ? (a, b) : (b, a);
        return [.. longer.Select((dim, axis) => axis < longer.Length - shorter.Length ? dim : Math.Max(dim, shorter[axis - longer.Length + shorter.Length]))];
    }

    public Nd Map(Func<double, double> function) => new(Array.ConvertAll(data, x => function(x)), dims);

    public Nd Reshape(params int[] shape) => new(data, shape);

    private int Offset(ReadOnlySpan<int> index)
    {
        var offset = 0;
        for (var axis = 0; axis < dims.Length; axis++)
        {
            var at = index[index.Length - dims.Length + axis];
            offset = (offset * dims[axis]) + (dims[axis] == 1 ? 0 : at);
        }

        return offset;
    }
}
