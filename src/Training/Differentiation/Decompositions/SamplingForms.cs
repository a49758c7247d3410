using CompressTool.Onnx;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Differentiation.Decompositions;

/// <summary>Images sampled at places that a grid gives (Jaderberg et al. 2015).</summary>
internal static class SamplingForms
{
    public static readonly Dictionary<string, Decomposition> All = new()
    {
        ["GridSample"] = n => [GridSample(n)],
    };

    /// <summary>Image [N,C,H,W] and grid [N,h,w,2] of places (x, y), each from -1 to 1.</summary>
    private static Expr GridSample(OperatorContext n)
    {
        var (image, grid) = (n[0], n[1]);
        if (image.Rank != 4)
        {
            throw n.Unsupported("only images are differentiated");
        }

        var (dims, places) = (image.Dims, grid.Dims);
        var rows = image.Reshape(dims[0], dims[1], dims[2] * dims[3]).Transpose(0, 2, 1);
        Expr result;
        if (n.Text("mode", "linear") is "cubic" or "bicubic")
        {
            return Cubic(n, rows, Unpadded(n, grid, 0, dims[3]), Unpadded(n, grid, 1, dims[2]), dims).Transpose(0, 2, 1).Reshape(dims[0], dims[1], places[1], places[2]);
        }

        var (x, y) = (Place(n, Unpadded(n, grid, 0, dims[3]), dims[3]), Place(n, Unpadded(n, grid, 1, dims[2]), dims[2]));
        if (n.Text("mode", "linear") == "nearest")
        {
            result = At(n, rows, x.Round(), y.Round(), dims);
        }
        else
        {
            var (left, top) = (x.Builder.Node("Floor", [x]), x.Builder.Node("Floor", [y]));
            var (right, below) = (x - left, y - top);
            result = (At(n, rows, left, top, dims) * ((1 - right) * (1 - below))) + (At(n, rows, left + 1, top, dims) * (right * (1 - below)))
                + (At(n, rows, left, top + 1, dims) * ((1 - right) * below)) + (At(n, rows, left + 1, top + 1, dims) * (right * below));
        }

        return result.Transpose(0, 2, 1).Reshape(dims[0], dims[1], places[1], places[2]);
    }

    /// <summary>The sixteen elements around each place, weighted by cubic convolution (Keys 1981) along both axes; each lies by itself where the padding says.</summary>
    private static Expr Cubic(OperatorContext n, Expr rows, Expr x, Expr y, long[] dims)
    {
        var (left, top) = (n.Builder.Node("Floor", [x]), n.Builder.Node("Floor", [y]));
        var (columnWeights, rowWeights) = (CubicWeights(x - left), CubicWeights(y - top));
        Expr? sum = null;
        for (var row = 0; row < 4; row++)
        {
            Expr? line = null;
            for (var column = 0; column < 4; column++)
            {
                var element = At(n, rows, Place(n, left + (column - 1), dims[3]).Round(), Place(n, top + (row - 1), dims[2]).Round(), dims) * columnWeights[column];
                line = line is null ? element : line + element;
            }

            sum = sum is null ? line! * rowWeights[row] : sum + (line! * rowWeights[row]);
        }

        return sum!;
    }

    /// <summary>The weights of the elements before the one before a place, at it, behind it and behind that.</summary>
    private static Expr[] CubicWeights(Expr fraction)
    {
        const double a = -0.75;
        Expr Near(Expr d) => (((((a + 2) * d) - (a + 3)) * d) * d) + 1;
        Expr Far(Expr d) => (((((a * d) - (5 * a)) * d) + (8 * a)) * d) - (4 * a);
        return [Far(fraction + 1), Near(fraction), Near(1 - fraction), Far(2 - fraction)];
    }

    /// <summary>One coordinate of all places in elements, wherever they are, [N, h * w, 1].</summary>
    private static Expr Unpadded(OperatorContext n, Expr grid, int axis, long size)
    {
        var dims = grid.Dims;
        var unit = (grid.Slice(3, axis, axis + 1).Reshape(dims[0], dims[1] * dims[2], 1) + 1) * 0.5;
        return n.Int("align_corners", 0) != 0 ? unit * (size - 1) : (unit * size) - 0.5;
    }

    /// <summary>Coordinates where the padding brings those outside.</summary>
    private static Expr Place(OperatorContext n, Expr place, long size)
    {
        var isAligned = n.Int("align_corners", 0) != 0;
        switch (n.Text("padding_mode", "zeros"))
        {
            case "reflection":
                var (low, span) = isAligned ? (0, size - 1.0) : (-0.5, (double)size);
                if (span == 0)
                {
                    return place * 0;
                }

                // There and back again: twice the span is one period.
                var distance = place - low;
                var period = distance - (n.Builder.Node("Floor", [distance * (1 / (2 * span))]) * (2 * span));
                return (low + (span - (period - span).Abs())).Clip(0, size - 1);
            case "border":
                return place.Clip(0, size - 1);
            default:
                return place;
        }
    }

    /// <summary>The elements at whole coordinates; zero outside the image.</summary>
    private static Expr At(OperatorContext n, Expr rows, Expr x, Expr y, long[] dims)
    {
        var isInside = (x >= 0) & (x <= dims[3] - 1) & (y >= 0) & (y <= dims[2] - 1);
        var index = ((y.Clip(0, dims[2] - 1) * dims[3]) + x.Clip(0, dims[3] - 1)).Cast(DataType.Int64);
        return isInside.Where(n.Builder.Node("GatherND", [rows, index], Attribute.Int("batch_dims", 1)), rows.Number(0));
    }
}
