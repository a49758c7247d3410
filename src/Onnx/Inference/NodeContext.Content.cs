namespace CompressTool.Onnx.Inference;

/// <summary>The part that content rules use.</summary>
internal sealed partial class NodeContext
{
    /// <summary>The shape of an output, when its elements are few enough to be computed; null otherwise.</summary>
    public long[]? ComputableDims(int output = 0) => OutputFact(output).StaticDims is { } dims && Count(dims) <= Session.ConstantLimit ? dims : null;

    /// <summary>The constant of an input, when it is there and small enough to compute with; null otherwise.</summary>
    public Tensor? Constant(int input) =>
        Fact(input).Constant is { } tensor && Inference.Fact.IsReadable(tensor, Session.ConstantLimit) && tensor.Type.BitSize() >= 8 ? tensor : null;

    /// <summary>Sets the content of an output whose type and shape are set already.</summary>
    public void Fill(int output, Tensor tensor)
    {
        if (Node.Output(output) is { } value)
        {
            Graph.Fill(value, Graph.Fact(value) is { StaticDims: not null } fact ? fact with { Constant = tensor } : Inference.Fact.Of(tensor));
        }
    }

    /// <summary>Sets the elements of a small output whose type and shape are set already.</summary>
    public void Fill(int output, Expression?[] elements)
    {
        if (Node.Output(output) is { } value && elements.Length <= Inference.Fact.MaxElements && elements.Any(element => element is not null)
            && Graph.Fact(value).StaticDims is { } dims && Count(dims) == elements.Length)
        {
            Graph.Fill(value, Graph.Fact(value) with { Elements = elements });
        }
    }

    /// <summary>
    /// Fills an output with elements that are moved: position <c>p</c> takes element <c>map[p]</c> of the inputs, counted
    /// through them one after another; -1 gives zero.
    /// </summary>
    public void Move(int output, int[] map, params ReadOnlySpan<int> inputs)
    {
        if (ComputableDims(output) is not { } dims || Count(dims) != map.Length)
        {
            return;
        }

        if (MoveBytes(inputs, map) is { } bytes)
        {
            Fill(output, new Tensor(OutputFact(output).Type, dims, new MemoryData(bytes)));
            return;
        }

        var source = new List<Expression?>();
        foreach (var input in inputs)
        {
            if (Elements(input) is not { } elements)
            {
                return;
            }

            source.AddRange(elements);
        }

        Fill(output, Array.ConvertAll(map, index => index < 0 ? Expression.Zero : source[index]));
    }

    /// <summary>True when the elements of the inputs, all of one type, are known at least in part, so that they can be moved.</summary>
    public bool IsMovable(int output, params ReadOnlySpan<int> inputs)
    {
        if (ComputableDims(output) is null)
        {
            return false;
        }

        foreach (var input in inputs)
        {
            if ((Constant(input) is null && Elements(input) is null) || Type(input) != Type(inputs[0]))
            {
                return false;
            }
        }

        return true;
    }

    public static long Count(ReadOnlySpan<long> dims)
    {
        long count = 1;
        foreach (var dim in dims)
        {
            count = checked(count * dim);
        }

        return count;
    }

    private byte[]? MoveBytes(ReadOnlySpan<int> inputs, int[] map)
    {
        using var joined = new MemoryStream();
        var size = 0;
        foreach (var input in inputs)
        {
            if (Constant(input) is not { } tensor)
            {
                return null;
            }

            size = tensor.Type.BitSize() / 8;
            tensor.Data.CopyTo(joined);
        }

        var source = joined.GetBuffer();
        var result = new byte[map.Length * size];
        for (var position = 0; position < map.Length; position++)
        {
            if (map[position] >= 0)
            {
                source.AsSpan(map[position] * size, size).CopyTo(result.AsSpan(position * size));
            }
        }

        return result;
    }
}
