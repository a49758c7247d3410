using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Diffusion.Data.Shapes;

/// <summary>
/// A procedural image set: simple drawn objects of ten classes on plain backgrounds, in random colours, places and sizes. A
/// data set of any size without a download, free of rights, on which a small diffusion model learns in an hour. The same
/// seed gives the same pixels on every machine.
/// </summary>
public sealed class ShapeImages
{
    /// <summary>Light colours, which all objects stand out from.</summary>
    private static readonly Color[] s_backgrounds =
        [new(196, 224, 244), new(222, 240, 212), new(226, 216, 242), new(246, 220, 224), new(234, 234, 236), new(188, 226, 222)];

    private static readonly (string Name, Action<Sketch> Draw, double Turn)[] s_classes =
    [
        ("house", Drawings.House, 0.03),
        ("tree", Drawings.Tree, 0.03),
        ("sun", Drawings.Sun, 0.2),
        ("fish", Drawings.Fish, 0.12),
        ("boat", Drawings.Boat, 0.06),
        ("flower", Drawings.Flower, 0.06),
        ("car", Drawings.Car, 0.03),
        ("mushroom", Drawings.Mushroom, 0.06),
        ("star", Drawings.Star, 0.16),
        ("face", Drawings.Face, 0.1),
    ];

    private readonly RandomSource _random;
    private readonly int _size;

    /// <summary>A set of images.</summary>
    /// <param name="seed">What the images depend on.</param>
    /// <param name="size">Width and height in pixels, 8 to 512.</param>
    public ShapeImages(ulong seed, int size = 32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, MinSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, MaxSize);
        _random = new RandomSource(seed, "shapes");
        _size = size;
    }

    /// <summary>The smallest width and height, in pixels.</summary>
    public static int MinSize => 8;

    /// <summary>The largest width and height, in pixels.</summary>
    public static int MaxSize => 512;

    /// <summary>The names of the classes, in the order of their labels.</summary>
    public static IReadOnlyList<string> Classes { get; } = [.. s_classes.Select(item => item.Name)];

    /// <summary>The label of an image: the classes take turns.</summary>
    /// <param name="index">The image's place in the set.</param>
    public static int Label(long index) => (int)(index % s_classes.Length);

    /// <summary>An image of the set, RGB.</summary>
    /// <param name="index">Its place, which also decides its class.</param>
    public Picture Draw(long index)
    {
        var (_, draw, turn) = s_classes[Label(index)];
        var sketch = new Sketch(_random.Stream(index), _size, s_backgrounds, turn);
        draw(sketch);
        return sketch.ToPicture();
    }

    /// <summary>The first images of the set: uint8 [count, size, size, channels].</summary>
    /// <param name="count">How many.</param>
    /// <param name="channels">3 for RGB, 1 for grey.</param>
    /// <param name="progress">Receives the number of images that are done.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public Tensor DrawAll(int count, int channels = 3, IProgress<int>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        var length = _size * _size * channels;
        var pixels = new byte[checked(count * length)];
        var done = 0;
        Parallel.For(0, count, new ParallelOptions { CancellationToken = cancellationToken }, i =>
        {
            Draw(i).WithChannels(channels).Pixels.CopyTo(pixels, i * length);
            progress?.Report(Interlocked.Increment(ref done));
        });
        return new Tensor(DataType.UInt8, [count, _size, _size, channels], new MemoryData(pixels));
    }

    /// <summary>The first images with their labels; each is drawn when it is read.</summary>
    /// <param name="count">How many.</param>
    /// <param name="channels">3 for RGB, 1 for grey.</param>
    public ImageSet Open(int count, int channels = 3) => new(PictureData.Create(count, (_size, _size), channels, i => Draw(i).WithChannels(channels)))
    {
        Labels = Labels(count).ToInt64s(),
        Classes = Classes,
    };

    /// <summary>The labels of the first images: int64 [count].</summary>
    /// <param name="count">How many.</param>
    public static Tensor Labels(int count) => Tensor.Int64s([.. Enumerable.Range(0, count).Select(i => (long)Label(i))]);
}
