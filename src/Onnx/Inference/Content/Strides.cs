namespace CompressTool.Onnx.Inference;

/// <summary>Index arithmetic on dense row-major arrays.</summary>
internal static class Strides
{
    /// <summary>How far apart neighbours along each axis are.</summary>
    public static int[] Of(ReadOnlySpan<long> dims)
    {
        var strides = new int[dims.Length];
        var stride = 1;
        for (var axis = dims.Length - 1; axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride = checked(stride * (int)dims[axis]);
        }

        return strides;
    }

    /// <summary>For every position of an array of shape <paramref name="dims"/>, the sum of start and its indices times <paramref name="strides"/>.</summary>
    public static int[] Map(ReadOnlySpan<long> dims, ReadOnlySpan<int> strides, int start = 0)
    {
        var map = new int[checked((int)NodeContext.Count(dims))];
        var index = new long[dims.Length];
        var source = start;
        for (var position = 0; position < map.Length; position++)
        {
            map[position] = source;
            for (var axis = dims.Length - 1; axis >= 0; axis--)
            {
                source += strides[axis];
                if (++index[axis] < dims[axis])
                {
                    break;
                }

                source -= strides[axis] * (int)dims[axis];
                index[axis] = 0;
            }
        }

        return map;
    }

    /// <summary>For every position of an array of shape <paramref name="to"/>, the position in an array of shape <paramref name="from"/> that is broadcast to it.</summary>
    public static int[] Broadcast(ReadOnlySpan<long> from, ReadOnlySpan<long> to)
    {
        var own = Of(from);
        var strides = new int[to.Length];
        for (var axis = 0; axis < from.Length; axis++)
        {
            strides[to.Length - from.Length + axis] = from[axis] == 1 ? 0 : own[axis];
        }

        return Map(to, strides);
    }
}
