namespace CompressTool.Diffusion.Data.Shapes;

/// <summary>How the objects of <see cref="ShapeImages"/> are drawn: few large parts in clear colours, which remain clear at 32 pixels.</summary>
internal static class Drawings
{
    private const double RootOfHalf = 0.70710678118654757, Sin60 = 0.8660254037844386;

    private static readonly Color s_dark = new(52, 46, 60), s_white = new(250, 250, 246), s_brown = new(124, 78, 44), s_glass = new(186, 226, 246);

    private static readonly Color[] s_bold = [new(214, 54, 54), new(46, 104, 196), new(232, 132, 36), new(130, 70, 170), new(36, 150, 110)];
    private static readonly Color[] s_walls = [new(240, 214, 160), new(226, 160, 120), new(246, 226, 130), new(160, 190, 214)];
    private static readonly Color[] s_greens = [new(52, 140, 64), new(92, 166, 56), new(30, 116, 84)];
    private static readonly Color[] s_yellows = [new(252, 206, 44), new(255, 184, 32)];

    private static readonly (double, double)[] s_eighths =
        [(1, 0), (RootOfHalf, RootOfHalf), (0, 1), (-RootOfHalf, RootOfHalf), (-1, 0), (-RootOfHalf, -RootOfHalf), (0, -1), (RootOfHalf, -RootOfHalf)];

    private static readonly (double, double)[] s_sixths = [(1, 0), (0.5, Sin60), (-0.5, Sin60), (-1, 0), (-0.5, -Sin60), (0.5, -Sin60)];

    /// <summary>The corners of a star with five points: outer ones at radius 1, inner ones at 0.45.</summary>
    private static readonly (double, double)[] s_star =
    [
        (0, -1), (0.26450336, -0.36405765), (0.95105652, -0.30901699), (0.42797543, 0.13905765), (0.58778525, 0.80901699),
        (0, 0.45), (-0.58778525, 0.80901699), (-0.42797543, 0.13905765), (-0.95105652, -0.30901699), (-0.26450336, -0.36405765),
    ];

    public static void House(Sketch sketch)
    {
        sketch.Fill(Region.Box(0.35, -0.9, 0.62, 0), sketch.Pick([s_brown]));
        sketch.Fill(Region.Box(-0.75, -0.15, 0.75, 0.95), sketch.Pick(s_walls));
        sketch.Fill(Region.Polygon((-1, -0.12), (0, -1), (1, -0.12)), sketch.Pick([s_bold[0], s_bold[1], s_bold[3]]));
        sketch.Fill(Region.Box(-0.55, 0.25, -0.1, 0.95), sketch.Pick([s_brown]));
        sketch.Fill(Region.Box(0.15, 0.2, 0.58, 0.6), sketch.Pick([s_glass]));
    }

    public static void Tree(Sketch sketch)
    {
        sketch.Fill(Region.Box(-0.18, 0.2, 0.18, 1), sketch.Pick([s_brown]));
        var green = sketch.Pick(s_greens);
        var crown = sketch.Between(0, 1) < 0.5
            ? Region.Disc(0, -0.52, 0.48) | Region.Disc(-0.42, -0.05, 0.46) | Region.Disc(0.42, -0.05, 0.46)
            : Region.Polygon((-0.85, 0.45), (0, -0.35), (0.85, 0.45)) | Region.Polygon((-0.65, -0.1), (0, -1), (0.65, -0.1));
        sketch.Fill(crown, green);
    }

    public static void Sun(Sketch sketch)
    {
        var yellow = sketch.Pick(s_yellows);
        sketch.Fill(Region.Around(Region.Polygon((0.62, -0.17), (1, 0), (0.62, 0.17)), s_eighths), yellow);
        sketch.Fill(Region.Disc(0, 0, 0.54), yellow);
    }

    public static void Fish(Sketch sketch)
    {
        var color = sketch.Pick(s_bold);
        sketch.Fill(Region.Polygon((0.3, 0), (1, -0.6), (0.86, 0), (1, 0.6)), color);
        sketch.Fill(Region.Polygon((-0.2, -0.4), (0.3, -0.82), (0.35, -0.3)), color);
        sketch.Fill(Region.Ellipse(-0.2, 0, 0.8, 0.55), color);
        sketch.Fill(Region.Disc(-0.6, -0.12, 0.18), s_white);
        sketch.Fill(Region.Disc(-0.62, -0.12, 0.1), s_dark);
    }

    public static void Boat(Sketch sketch)
    {
        sketch.Fill(Region.Box(-0.06, -1, 0.06, 0.45), sketch.Pick([s_brown]));
        sketch.Fill(Region.Polygon((0.14, -0.95), (0.14, 0.25), (0.85, 0.25)), s_white);
        sketch.Fill(Region.Polygon((-0.14, -0.7), (-0.14, 0.25), (-0.7, 0.25)), sketch.Pick([s_bold[0], s_bold[2], s_yellows[0]]));
        sketch.Fill(Region.Polygon((-1, 0.4), (1, 0.4), (0.62, 0.92), (-0.62, 0.92)), sketch.Pick(s_bold));
    }

    public static void Flower(Sketch sketch)
    {
        var green = sketch.Pick(s_greens);
        sketch.Fill(Region.Box(-0.09, 0, 0.09, 1), green);
        sketch.Fill(Region.Ellipse(0.36, 0.72, 0.34, 0.15) | Region.Ellipse(-0.36, 0.72, 0.34, 0.15), green);
        sketch.Fill(Region.Around(Region.Disc(0.4, 0, 0.25), s_sixths).Shift(0, -0.32), sketch.Pick([s_bold[0], s_bold[3], s_bold[1], new(236, 92, 150)]));
        sketch.Fill(Region.Disc(0, -0.32, 0.26), sketch.Pick(s_yellows));
    }

    public static void Car(Sketch sketch)
    {
        var color = sketch.Pick(s_bold);
        sketch.Fill(Region.Polygon((-0.62, -0.02), (-0.4, -0.58), (0.35, -0.58), (0.66, -0.02)), color);
        sketch.Fill(Region.Polygon((-0.44, -0.06), (-0.3, -0.42), (-0.06, -0.42), (-0.06, -0.06)) | Region.Polygon((0.06, -0.06), (0.06, -0.42), (0.27, -0.42), (0.46, -0.06)), s_glass);
        sketch.Fill(Region.Box(-1, -0.06, 1, 0.38) - Region.Polygon((1, -0.06), (1, 0.1), (0.9, -0.06)), color);
        foreach (var x in (ReadOnlySpan<double>)[-0.52, 0.52])
        {
            sketch.Fill(Region.Disc(x, 0.38, 0.27), s_dark);
            sketch.Fill(Region.Disc(x, 0.38, 0.11), s_white);
        }
    }

    public static void Mushroom(Sketch sketch)
    {
        sketch.Fill(Region.Ellipse(0, 0.85, 0.42, 0.13) | Region.Polygon((-0.24, 0), (0.24, 0), (0.4, 0.85), (-0.4, 0.85)), sketch.Pick([new(244, 230, 200)]));
        var cap = Region.Ellipse(0, 0.08, 0.95, 1) & Region.Box(-1, -1, 1, 0.12);
        sketch.Fill(cap, sketch.Pick([s_bold[0], s_bold[2], s_bold[3]]));
        sketch.Fill(cap & (Region.Disc(0, -0.5, 0.2) | Region.Disc(-0.52, -0.14, 0.17) | Region.Disc(0.5, -0.16, 0.18)), s_white);
    }

    public static void Star(Sketch sketch) => sketch.Fill(Region.Polygon(s_star), sketch.Pick([.. s_yellows, s_bold[0], s_bold[1], s_bold[3]]));

    public static void Face(Sketch sketch)
    {
        sketch.Fill(Region.Disc(0, 0, 0.95), sketch.Pick(s_yellows));
        sketch.Fill(Region.Ellipse(-0.34, -0.28, 0.13, 0.2) | Region.Ellipse(0.34, -0.28, 0.13, 0.2), s_dark);
        sketch.Fill(Region.Disc(0, 0.12, 0.58) & Region.Box(-1, 0.2, 1, 1), sketch.Pick([s_dark, new(190, 40, 40)]));
    }
}
