using CompressTool.Diffusion.Pictures;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Diffusion.Data.Shapes;

/// <summary>A colour.</summary>
internal readonly record struct Color(byte Red, byte Green, byte Blue);

/// <summary>
/// A picture that is being drawn: regions of one colour over each other, in the coordinates of the object, -1 to 1. Each
/// pixel is the mean of 8 x 8 points (antialiasing).
/// </summary>
internal sealed class Sketch
{
    private const int Points = 8;

    private readonly RandomStream _random;
    private readonly int _size;
    private readonly Color[] _points;
    private readonly double _scale, _left, _top, _cos, _sin;
    private readonly bool _mirror;

    /// <summary>Chooses background and place of an object.</summary>
    /// <param name="random">What all choices come from.</param>
    /// <param name="size">Width and height in pixels.</param>
    /// <param name="backgrounds">Colours to choose from.</param>
    /// <param name="turn">Largest tangent of half the angle that the object is turned by.</param>
    public Sketch(RandomStream random, int size, IReadOnlyList<Color> backgrounds, double turn)
    {
        (_random, _size) = (random, size);
        _points = new Color[size * Points * size * Points];
        Array.Fill(_points, Pick(backgrounds));
        _scale = Between(0.7, 0.92);
        var room = 0.96 - _scale;
        (_left, _top) = (Between(-room, room), Between(-room, room));

        // The rational form of a rotation: no library's sine.
        var half = Between(-turn, turn);
        (_cos, _sin) = ((1 - (half * half)) / (1 + (half * half)), 2 * half / (1 + (half * half)));
        _mirror = _random.NextInt64(2) == 1;
    }

    public double Between(double low, double high) => low + ((high - low) * _random.NextDouble());

    /// <summary>One of several colours, a little changed.</summary>
    public Color Pick(IReadOnlyList<Color> colors)
    {
        var color = colors[(int)_random.NextInt64(colors.Count)];
        return new Color(Change(color.Red), Change(color.Green), Change(color.Blue));

        byte Change(byte value) => (byte)Math.Clamp(value + _random.NextInt64(17) - 8, 0, 255);
    }

    public void Fill(Region region, Color color)
    {
        var count = _size * Points;
        var (firstX, lastX, firstY, lastY) = Window(region.Bounds, count);
        for (var row = firstY; row <= lastY; row++)
        {
            for (var column = firstX; column <= lastX; column++)
            {
                var (x, y) = ((((2 * column) + 1.0) / count) - 1 - _left, (((2 * row) + 1.0) / count) - 1 - _top);
                var (u, v) = (((x * _cos) + (y * _sin)) / _scale, ((y * _cos) - (x * _sin)) / _scale);
                if (region.Contains(_mirror ? -u : u, v))
                {
                    _points[(row * count) + column] = color;
                }
            }
        }
    }

    public Picture ToPicture()
    {
        var picture = new Picture(_size, _size, 3);
        for (var y = 0; y < _size; y++)
        {
            for (var x = 0; x < _size; x++)
            {
                var (red, green, blue) = (0, 0, 0);
                for (var i = 0; i < Points * Points; i++)
                {
                    var point = _points[((((y * Points) + (i / Points)) * _size) + x) * Points + (i % Points)];
                    (red, green, blue) = (red + point.Red, green + point.Green, blue + point.Blue);
                }

                const int Count = Points * Points;
                var pixel = picture.Row(y).Slice(3 * x, 3);
                pixel[0] = (byte)((red + (Count / 2)) / Count);
                pixel[1] = (byte)((green + (Count / 2)) / Count);
                pixel[2] = (byte)((blue + (Count / 2)) / Count);
            }
        }

        return picture;
    }

    /// <summary>The points that a box may cover, a few more on each side.</summary>
    private (int FirstX, int LastX, int FirstY, int LastY) Window(Bounds bounds, int count)
    {
        var (left, right) = _mirror ? (-bounds.Right, -bounds.Left) : (bounds.Left, bounds.Right);
        double lowX = count, highX = 0, lowY = count, highY = 0;
        foreach (var (u, v) in (ReadOnlySpan<(double, double)>)[(left, bounds.Top), (right, bounds.Top), (right, bounds.Bottom), (left, bounds.Bottom)])
        {
            var x = ((((u * _cos) - (v * _sin)) * _scale) + _left + 1) * count / 2;
            var y = ((((u * _sin) + (v * _cos)) * _scale) + _top + 1) * count / 2;
            (lowX, highX, lowY, highY) = (Math.Min(lowX, x), Math.Max(highX, x), Math.Min(lowY, y), Math.Max(highY, y));
        }

        return (Math.Max(0, (int)lowX - 2), Math.Min(count - 1, (int)highX + 2), Math.Max(0, (int)lowY - 2), Math.Min(count - 1, (int)highY + 2));
    }
}
