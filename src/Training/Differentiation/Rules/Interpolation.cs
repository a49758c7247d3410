namespace CompressTool.Training.Differentiation.Rules;

/// <summary>How Resize computes one axis, as a matrix [output, input] (operator specification of Resize).</summary>
internal static class Interpolation
{
    /// <summary>The only coordinates that depend on the region of interest.</summary>
    public const string Crop = "tf_crop_and_resize";

    /// <summary>The matrix of an axis.</summary>
    /// <param name="n">The Resize node.</param>
    /// <param name="scale">Output size over input size.</param>
    /// <param name="input">Input size.</param>
    /// <param name="output">Output size.</param>
    /// <param name="region">Start and end of the region of interest along the axis, as parts of the input.</param>
    public static double[,] Of(GradientContext n, double scale, long input, long output, (double Start, double End) region)
    {
        var transformation = n.Text("coordinate_transformation_mode", "half_pixel");
        var matrix = new double[output, input];
        for (var row = 0; row < output; row++)
        {
            var place = Place(transformation, row, scale, input, output, region);
            if (transformation == Crop && (place < 0 || place > input - 1))
            {
                // Outside the image lies a constant.
                continue;
            }

            switch (n.Text("mode", "nearest"))
            {
                case "nearest":
                    matrix[row, Math.Clamp((long)Nearest(n.Text("nearest_mode", "round_prefer_floor"), place), 0, input - 1)] = 1;
                    break;
                case var mode:
                    var stretch = n.Int("antialias", 0) != 0 && scale < 1 ? 1 / scale : 1;
                    Weigh(matrix, row, place, stretch, mode == "cubic" ? 2 : 1, mode == "cubic" ? Cubic(n.Float("cubic_coeff_a", -0.75f)) : Triangle, n.Int("exclude_outside", 0) != 0);
                    break;
            }
        }

        return matrix;
    }

    private static double Place(string transformation, long index, double scale, long input, long output, (double Start, double End) region) => transformation switch
    {
        Crop => (input - 1) * (output == 1 ? (region.Start + region.End) / 2 : region.Start + (index * (region.End - region.Start) / (output - 1))),
        "asymmetric" => index / scale,
        "align_corners" => output == 1 ? 0 : index * (input - 1.0) / (output - 1.0),
        "pytorch_half_pixel" => output == 1 ? 0 : ((index + 0.5) / scale) - 0.5,
        "half_pixel_symmetric" => (input / 2.0 * (1 - (output / (scale * input)))) + ((index + 0.5) / scale) - 0.5,
        _ => ((index + 0.5) / scale) - 0.5,
    };

    private static double Nearest(string mode, double place) => mode switch
    {
        "floor" => Math.Floor(place),
        "ceil" => Math.Ceiling(place),
        "round_prefer_ceil" => Math.Floor(place + 0.5),
        _ => Math.Ceiling(place - 0.5),
    };

    /// <summary>Weights of the elements around a place; those outside count for the border, or not at all.</summary>
    private static void Weigh(double[,] matrix, int row, double place, double stretch, int radius, Func<double, double> kernel, bool excludeOutside)
    {
        var input = matrix.GetLength(1);
        var (first, last) = ((long)Math.Ceiling(place - (radius * stretch)), (long)Math.Floor(place + (radius * stretch)));
        var sum = 0.0;
        for (var index = first; index <= last; index++)
        {
            var weight = kernel((index - place) / stretch);
            if (excludeOutside && (index < 0 || index >= input))
            {
                continue;
            }

            matrix[row, Math.Clamp(index, 0, input - 1)] += weight;
            sum += weight;
        }

        for (var column = 0; column < input; column++)
        {
            matrix[row, column] /= sum;
        }
    }

    private static double Triangle(double x) => Math.Max(0, 1 - Math.Abs(x));

    /// <summary>Cubic convolution (Keys 1981).</summary>
    private static Func<double, double> Cubic(double a) => x => Math.Abs(x) switch
    {
        <= 1 and var d => ((((a + 2) * d) - (a + 3)) * d * d) + 1,
        < 2 and var d => (((((a * d) - (5 * a)) * d) + (8 * a)) * d) - (4 * a),
        _ => 0,
    };
}
