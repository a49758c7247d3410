namespace CompressTool.Diffusion.Data.Shapes;

/// <summary>The smallest box known around a region.</summary>
internal readonly record struct Bounds(double Left, double Top, double Right, double Bottom);

/// <summary>
/// A part of the plane; x grows to the right, y downwards. Made of additions, multiplications and comparisons alone, which
/// give the same everywhere.
/// </summary>
/// <param name="bounds">A box around it.</param>
/// <param name="contains">Whether a point belongs to it.</param>
internal sealed class Region(Bounds bounds, Func<double, double, bool> contains)
{
    public Bounds Bounds { get; } = bounds;

    public static Region operator &(Region a, Region b) => new(a.Bounds, (x, y) => a.Contains(x, y) && b.Contains(x, y));

    public static Region operator -(Region a, Region b) => new(a.Bounds, (x, y) => a.Contains(x, y) && !b.Contains(x, y));

    public static Region operator |(Region a, Region b) => new(
        new Bounds(Math.Min(a.Bounds.Left, b.Bounds.Left), Math.Min(a.Bounds.Top, b.Bounds.Top), Math.Max(a.Bounds.Right, b.Bounds.Right), Math.Max(a.Bounds.Bottom, b.Bounds.Bottom)),
        (x, y) => a.Contains(x, y) || b.Contains(x, y));

    public static Region Disc(double x, double y, double radius) => Ellipse(x, y, radius, radius);

    public static Region Ellipse(double x, double y, double radiusX, double radiusY) => new(
        new Bounds(x - radiusX, y - radiusY, x + radiusX, y + radiusY),
        (px, py) =>
        {
            var (dx, dy) = ((px - x) / radiusX, (py - y) / radiusY);
            return (dx * dx) + (dy * dy) <= 1;
        });

    public static Region Box(double left, double top, double right, double bottom) =>
        new(new Bounds(left, top, right, bottom), (x, y) => x >= left && x <= right && y >= top && y <= bottom);

    /// <summary>What is inside a closed line: a ray to the right crosses it an odd number of times.</summary>
    public static Region Polygon(params (double X, double Y)[] corners) => new(
        new Bounds(corners.Min(corner => corner.X), corners.Min(corner => corner.Y), corners.Max(corner => corner.X), corners.Max(corner => corner.Y)),
        (x, y) =>
        {
            var inside = false;
            for (int i = 0, previous = corners.Length - 1; i < corners.Length; previous = i++)
            {
                var (a, b) = (corners[i], corners[previous]);
                if (a.Y > y != b.Y > y && x < ((b.X - a.X) * (y - a.Y) / (b.Y - a.Y)) + a.X)
                {
                    inside = !inside;
                }
            }

            return inside;
        });

    /// <summary>A part that is repeated around the origin.</summary>
    /// <param name="part">The part.</param>
    /// <param name="directions">Cosine and sine of the angles.</param>
    public static Region Around(Region part, params (double Cos, double Sin)[] directions) =>
        directions.Select(part.Turn).Aggregate((all, next) => all | next);

    public bool Contains(double x, double y) => x >= Bounds.Left && x <= Bounds.Right && y >= Bounds.Top && y <= Bounds.Bottom && contains(x, y);

    public Region Shift(double x, double y) =>
        new(new Bounds(Bounds.Left + x, Bounds.Top + y, Bounds.Right + x, Bounds.Bottom + y), (px, py) => contains(px - x, py - y));

    /// <summary>Turned about the origin, from the right towards the bottom.</summary>
    private Region Turn((double Cos, double Sin) angle)
    {
        var (cos, sin) = angle;
        (double X, double Y)[] corners = [Forward(Bounds.Left, Bounds.Top), Forward(Bounds.Right, Bounds.Top), Forward(Bounds.Right, Bounds.Bottom), Forward(Bounds.Left, Bounds.Bottom)];
        return new Region(
            new Bounds(corners.Min(corner => corner.X), corners.Min(corner => corner.Y), corners.Max(corner => corner.X), corners.Max(corner => corner.Y)),
            (x, y) => contains((x * cos) + (y * sin), (y * cos) - (x * sin)));

        (double, double) Forward(double x, double y) => ((x * cos) - (y * sin), (x * sin) + (y * cos));
    }
}
