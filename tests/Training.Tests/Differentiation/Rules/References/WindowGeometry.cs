namespace CompressTool.Training.Tests.Differentiation.Rules.References;

/// <summary>Where windows lie, from the attributes of a convolution or pooling.</summary>
internal sealed class WindowGeometry(Reference r, int[] kernel)
{
    public int[] Kernel => kernel;

    public int[] Strides { get; } = r.Ints("strides") ?? [.. kernel.Select(_ => 1)];

    public int[] Dilations { get; } = r.Ints("dilations") ?? [.. kernel.Select(_ => 1)];

    public int[] Pads { get; } = r.Ints("pads") ?? new int[2 * kernel.Length];

    public int Extent(int axis) => ((kernel[axis] - 1) * Dilations[axis]) + 1;

    /// <summary>Output sizes over an input; sets the pads that <c>auto_pad</c> asks for.</summary>
    public int[] Outputs(int[] input, bool ceil = false)
    {
        var mode = r.Text("auto_pad", "NOTSET");
        var result = new int[input.Length];
        for (var axis = 0; axis < input.Length; axis++)
        {
            if (mode.StartsWith("SAME", StringComparison.Ordinal))
            {
                result[axis] = (int)Math.Ceiling((double)input[axis] / Strides[axis]);
                var total = Math.Max(0, ((result[axis] - 1) * Strides[axis]) + Extent(axis) - input[axis]);
                SetPads(axis, mode == "SAME_UPPER" ? total / 2 : total - (total / 2), total);
                continue;
            }

            var room = input[axis] + Pads[axis] + Pads[axis + input.Length] - Extent(axis);
            result[axis] = (int)(ceil ? Math.Ceiling((double)room / Strides[axis]) : Math.Floor((double)room / Strides[axis])) + 1;
            if (ceil && (result[axis] - 1) * Strides[axis] >= input[axis] + Pads[axis])
            {
                result[axis]--;
            }
        }

        return result;
    }

    /// <summary>Output sizes of a transposed convolution; sets the pads that <c>auto_pad</c> or <c>output_shape</c> ask for.</summary>
    public int[] TransposedOutputs(int[] input)
    {
        var mode = r.Text("auto_pad", "NOTSET");
        var extra = r.Ints("output_padding") ?? new int[input.Length];
        var wanted = r.Ints("output_shape");
        var result = new int[input.Length];
        for (var axis = 0; axis < input.Length; axis++)
        {
            var whole = ((input[axis] - 1) * Strides[axis]) + Extent(axis) + extra[axis];
            if (wanted is null && !mode.StartsWith("SAME", StringComparison.Ordinal))
            {
                result[axis] = whole - Pads[axis] - Pads[axis + input.Length];
                continue;
            }

            result[axis] = wanted?[axis] ?? input[axis] * Strides[axis];
            var total = whole - result[axis];
            SetPads(axis, mode == "SAME_UPPER" ? total / 2 : total - (total / 2), total);
        }

        return result;
    }

    private void SetPads(int axis, int before, int total) => (Pads[axis], Pads[axis + kernel.Length]) = (before, total - before);

    /// <summary>The places of the input that the window at an output position covers, with their place in the window; those in the padding included.</summary>
    public IEnumerable<(int[] Place, int[] Input)> Window(int[] output)
    {
        foreach (var place in Nd.Indices(kernel))
        {
            yield return (place, [.. place.Select((index, axis) => (output[axis] * Strides[axis]) + (index * Dilations[axis]) - Pads[axis])]);
        }
    }

    public static bool IsInside(int[] index, int[] dims) => index.Index().All(axis => axis.Item >= 0 && axis.Item < dims[axis.Index]);
}
