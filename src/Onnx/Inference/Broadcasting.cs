namespace CompressTool.Onnx.Inference;

/// <summary>Multidirectional broadcasting of shapes.</summary>
internal static class Broadcasting
{
    /// <summary>The shape that the inputs have in common; null when one is unknown.</summary>
    public static Expression[]? OfInputs(NodeContext c, params IEnumerable<int> inputs)
    {
        Expression[]? result = null;
        foreach (var input in inputs)
        {
            if (c.Dims(input) is not { } dims)
            {
                return null;
            }

            result = result is null ? dims : Of(c, result, dims);
        }

        return result;
    }

    /// <summary>The shape that two shapes have in common.</summary>
    public static Expression[] Of(NodeContext c, Expression[] left, Expression[] right)
    {
        if (left.Length < right.Length)
        {
            (left, right) = (right, left);
        }

        var dims = left.ToArray();
        var offset = left.Length - right.Length;
        for (var axis = 0; axis < right.Length; axis++)
        {
            dims[offset + axis] = Of(left[offset + axis], right[axis])
                ?? throw c.Mismatch($"the shapes {NodeContext.Show(left)} and {NodeContext.Show(right)} do not broadcast");
        }

        return dims;
    }

    /// <summary>The dimension of two; null when they do not fit. Either is 1 or both are equal: so it is the larger one.</summary>
    private static Expression? Of(Expression left, Expression right) => (left.Number, right.Number) switch
    {
        (1, _) => right,
        (_, 1) => left,
        ({ } a, { } b) => a == b ? left : null,
        ({ }, null) => left,
        (null, { }) => right,
        _ => Expression.Max(left, right),
    };
}
