namespace CompressTool.Training.Tests.Differentiation.Rules.References;

/// <summary>Resize, element by element.</summary>
internal static class Resizes
{
    public static readonly Dictionary<string, Func<Reference, double[][]>> All = new()
    {
        ["Resize"] = Resize,
    };

    private static double[][] Resize(Reference r)
    {
        var x = r[0];
        var axes = (r.Ints("axes") ?? [.. Enumerable.Range(0, x.Rank)]).Select(axis => axis < 0 ? axis + x.Rank : axis).ToArray();
        var (output, scales) = Sizes(r, x.Dims, axes);
        var extrapolation = r.Float("extrapolation_value", 0);
        var byAxis = output.Select((size, axis) => Enumerable.Range(0, size).Select(index =>
            size == x.Dims[axis] && scales[axis] == 1 && r.Text("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize" ? [(index, 1.0)]
            : Weights(r, index, scales[axis], x.Dims[axis], size, Array.IndexOf(axes, axis), axes.Length)).ToArray()).ToArray();
        return [Nd.Of(output, index => Sum(x, byAxis, index, [], 1) ?? extrapolation).Data];
    }

    /// <summary>The weighted sum over the product of the axes' neighbours; null where an axis lies outside.</summary>
    private static double? Sum(Nd x, (int Index, double Weight)[]?[][] byAxis, int[] output, int[] input, double weight)
    {
        if (input.Length == output.Length)
        {
            return weight * x[input];
        }

        double? sum = 0;
        foreach (var (index, factor) in byAxis[input.Length][output[input.Length]] ?? [(-1, 0)])
        {
            sum += index < 0 ? null : Sum(x, byAxis, output, [.. input, index], weight * factor);
        }

        return sum;
    }

    private static (int[] Output, double[] Scales) Sizes(Reference r, int[] dims, int[] axes)
    {
        var output = dims.ToArray();
        var scales = dims.Select(_ => 1.0).ToArray();
        if (r.Optional(2) is { Data.Length: > 0 } given)
        {
            foreach (var (index, axis) in axes.Index())
            {
                scales[axis] = (float)given.Data[index];
                output[axis] = (int)Math.Floor(dims[axis] * scales[axis]);
            }

            return (output, scales);
        }

        var sizes = r[3].Data;
        var ratios = axes.Select((axis, index) => sizes[index] / dims[axis]).ToArray();
        var policy = r.Text("keep_aspect_ratio_policy", "stretch");
        foreach (var (index, axis) in axes.Index())
        {
            scales[axis] = policy switch { "not_larger" => ratios.Min(), "not_smaller" => ratios.Max(), _ => ratios[index] };
            output[axis] = policy == "stretch" ? (int)sizes[index] : (int)Math.Round(scales[axis] * dims[axis], MidpointRounding.AwayFromZero);
        }

        return (output, scales);
    }

    /// <summary>The input elements that an output element is made of; null where it lies outside the region of interest's image.</summary>
    private static (int Index, double Weight)[]? Weights(Reference r, int index, double scale, int input, int output, int axis, int axes)
    {
        double place;
        switch (r.Text("coordinate_transformation_mode", "half_pixel"))
        {
            case "asymmetric":
                place = index / scale;
                break;
            case "align_corners":
                place = output == 1 ? 0 : (double)index * (input - 1) / (output - 1);
                break;
            case "pytorch_half_pixel":
                place = output == 1 ? 0 : ((index + 0.5) / scale) - 0.5;
                break;
            case "half_pixel_symmetric":
                var adjustment = output / (scale * input);
                place = (input / 2.0 * (1 - adjustment)) + ((index + 0.5) / scale) - 0.5;
                break;
            case "tf_crop_and_resize":
                var (start, end) = axis < 0 ? (0, 1) : (r[1].Data[axis], r[1].Data[axis + axes]);
                place = output == 1 ? (start + end) / 2 * (input - 1) : (start * (input - 1)) + (index * (end - start) * (input - 1) / (output - 1));
                if (place < 0 || place > input - 1)
                {
                    return null;
                }

                break;
            default:
                place = ((index + 0.5) / scale) - 0.5;
                break;
        }

        if (r.Text("mode", "nearest") == "nearest")
        {
            var nearest = r.Text("nearest_mode", "round_prefer_floor") switch
            {
                "floor" => Math.Floor(place),
                "ceil" => Math.Ceiling(place),
                "round_prefer_ceil" => Math.Floor(place + 0.5),
                _ => Math.Ceiling(place - 0.5),
            };
            return [(Math.Clamp((int)nearest, 0, input - 1), 1)];
        }

        // Antialiased: the kernel is as much wider as the image becomes smaller.
        var stretch = r.Int("antialias", 0) == 1 && scale < 1 ? scale : 1;
        var isOutsideLeftOut = r.Int("exclude_outside", 0) == 1;
        var weights = new List<(int Index, double Weight)>();
        for (var neighbour = -40; neighbour < input + 40; neighbour++)
        {
            var weight = Kernel(r, (neighbour - place) * stretch);
            if (weight != 0 && !(isOutsideLeftOut && (neighbour < 0 || neighbour >= input)))
            {
                weights.Add((Math.Clamp(neighbour, 0, input - 1), weight));
            }
        }

        var sum = weights.Sum(pair => pair.Weight);
        return [.. weights.Select(pair => (pair.Index, pair.Weight / sum))];
    }

    private static double Kernel(Reference r, double x)
    {
        x = Math.Abs(x);
        if (r.Text("mode", "nearest") == "linear")
        {
            return Math.Max(0, 1 - x);
        }

        var a = r.Float("cubic_coeff_a", -0.75f);
        return x <= 1 ? ((a + 2) * x * x * x) - ((a + 3) * x * x) + 1
            : x < 2 ? (a * x * x * x) - (5 * a * x * x) + (8 * a * x) - (4 * a) : 0;
    }
}
