namespace CompressTool.Training.Tests.Differentiation.Rules.References;

/// <summary>Images sampled at places of a grid.</summary>
internal static class Samplings
{
    public static readonly Dictionary<string, Func<Reference, double[][]>> All = new()
    {
        ["GridSample"] = GridSample,
    };

    private static double[][] GridSample(Reference r)
    {
        var (image, grid) = (r[0], r[1]);
        var (height, width) = (image.Dims[2], image.Dims[3]);
        var isNearest = r.Text("mode", "linear") == "nearest";
        var isCubic = r.Text("mode", "linear") is "cubic" or "bicubic";
        return
        [
            Nd.Of([image.Dims[0], image.Dims[1], grid.Dims[1], grid.Dims[2]], index =>
            {
                var (x, y) = (InElements(r, grid[index[0], index[2], index[3], 0], width), InElements(r, grid[index[0], index[2], index[3], 1], height));
                if (isCubic)
                {
                    var (column, row) = ((int)Math.Floor(x) - 1, (int)Math.Floor(y) - 1);
                    return Enumerable.Range(0, 16).Sum(place => Cubic(x - (column + (place % 4))) * Cubic(y - (row + (place / 4)))
                        * At((int)Math.Round(Padded(r, column + (place % 4), width)), (int)Math.Round(Padded(r, row + (place / 4), height))));
                }

                (x, y) = (Padded(r, x, width), Padded(r, y, height));
                if (isNearest)
                {
                    return At((int)Math.Round(x), (int)Math.Round(y));
                }

                var (left, top) = ((int)Math.Floor(x), (int)Math.Floor(y));
                return Enumerable.Range(0, 4).Sum(corner =>
                    At(left + (corner % 2), top + (corner / 2)) * (1 - Math.Abs(x - (left + (corner % 2)))) * (1 - Math.Abs(y - (top + (corner / 2)))));

                double At(int column, int row) => column < 0 || row < 0 || column >= width || row >= height ? 0 : image[index[0], index[1], row, column];
            }).Data,
        ];
    }

    private static double Cubic(double x) => Math.Abs(x) switch
    {
        <= 1 and var d => (1.25 * d * d * d) - (2.25 * d * d) + 1,
        < 2 and var d => (-0.75 * d * d * d) + (3.75 * d * d) - (6 * d) + 3,
        _ => 0,
    };

    private static double InElements(Reference r, double unit, int size) =>
        r.Int("align_corners", 0) == 1 ? (unit + 1) / 2 * (size - 1) : (((unit + 1) * size) - 1) / 2;

    private static double Padded(Reference r, double place, int size)
    {
        var isAligned = r.Int("align_corners", 0) == 1;
        var (low, high) = isAligned ? (0, size - 1.0) : (-0.5, size - 0.5);
        switch (r.Text("padding_mode", "zeros"))
        {
            case "reflection":
                while (place < low || place > high)
                {
                    place = place < low ? (2 * low) - place : (2 * high) - place;
                }

                return Math.Clamp(place, 0, size - 1);
            case "border":
                return Math.Clamp(place, 0, size - 1);
            default:
                return place;
        }
    }
}
