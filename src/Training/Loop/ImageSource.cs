using System.Buffers;
using System.Runtime.InteropServices;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Optimization;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Training.Loop;

/// <summary>How images are prepared.</summary>
public sealed record ImageSourceOptions
{
    /// <summary>Samples of a step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>The name of the input that the images feed.</summary>
    public string Input { get; init; } = "sample";

    /// <summary>Whether each epoch has an order of its own; true by default.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Height and width in pixels that smaller images are padded to with black, evenly on all sides; null (the default) for their own.</summary>
    public (int Height, int Width)? Size { get; init; }

    /// <summary>Whether every second image, chosen at random, is mirrored left to right.</summary>
    public bool Flip { get; init; }
}

/// <summary>
/// Images in one tensor: uint8 from 0 to 255 or floating-point from 0 to 1; [N,H,W] for one channel, [N,H,W,C] or [N,C,H,W]
/// for C = 1, 3 or 4. They become float32 [batch,C,H,W] from -1 (black) to 1. Large tensors stay in their file.
/// </summary>
public sealed class ImageSource : IBatchSource
{
    private readonly Tensor _images;
    private readonly ImageSourceOptions _options;
    private readonly SampleOrder _order;
    private readonly KeyValuePair<string, Tensor>[] _others;
    private readonly bool _channelsFirst;
    private readonly int _channels, _height, _width;

    /// <summary>A source of images.</summary>
    /// <param name="images">The images, e.g. of <see cref="NpyFile.Read"/>.</param>
    /// <param name="options">How they are prepared.</param>
    /// <param name="others">Tensors that go with the images, such as labels, by the names of the inputs they feed; null for none.</param>
    /// <exception cref="CompressToolException">The tensor does not hold images, they are larger than the size to pad to, or another
    /// tensor has not as many samples (<see cref="TrainingErrors.InvalidData"/>).</exception>
    public ImageSource(Tensor images, ImageSourceOptions options, IEnumerable<KeyValuePair<string, Tensor>>? others = null)
    {
        _images = images;
        _options = options;
        var type = images.Type is DataType.UInt8 or DataType.Float or DataType.Float16 or DataType.Double;
        var dims = images.Dims.Count is 3 or 4 && images.Dims.All(dim => dim is > 0 and <= int.MaxValue) ? images.Dims.Select(dim => (int)dim).ToArray() : [];
        (_channels, _height, _width, _channelsFirst) = dims switch
        {
            [_, var height, var width] when type => (1, height, width, true),
            [_, var height, var width, var channels and (1 or 3 or 4)] when type => (channels, height, width, false),
            [_, var channels and (1 or 3 or 4), var height, var width] when type => (channels, height, width, true),
            _ => throw new CompressToolException(TrainingErrors.InvalidData, $"{images} does not hold images; they are uint8 or floating-point, [N,H,W], [N,H,W,C] or [N,C,H,W] with 1, 3 or 4 channels"),
        };
        (OutputHeight, OutputWidth) = options.Size ?? (_height, _width);
        if (OutputHeight < _height || OutputWidth < _width)
        {
            throw new CompressToolException(TrainingErrors.InvalidData, $"images of {_height} x {_width} pixels cannot be padded to {OutputHeight} x {OutputWidth}");
        }

        _others = [.. (others ?? []).OrderBy(other => other.Key, StringComparer.Ordinal)];
        if (_others.FirstOrDefault(other => other.Value.Dims.Count == 0 || other.Value.Dims[0] != dims[0]) is { Key: not null } bad)
        {
            throw new CompressToolException(TrainingErrors.InvalidData, $"there are {dims[0]} images, but '{bad.Key}' is {bad.Value}");
        }

        _order = new SampleOrder(dims[0], options.BatchSize, options.Shuffle);
    }

    /// <summary>Channels of the images.</summary>
    public int Channels => _channels;

    /// <summary>Height of the prepared images, in pixels.</summary>
    public int OutputHeight { get; }

    /// <summary>Width of the prepared images, in pixels.</summary>
    public int OutputWidth { get; }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Describe() =>
    [
        .. _order.Describe(),
        new("images", $"{_images} {Checksum.Of(_images)}"),
        new("image size", $"{Numbers.Text(OutputHeight)} x {Numbers.Text(OutputWidth)}"),
        new("flip", _options.Flip ? "yes" : "no"),
        .. _others.Select(other => KeyValuePair.Create($"data {other.Key}", $"{other.Value} {Checksum.Of(other.Value)}")),
    ];

    /// <inheritdoc/>
    public Batch Read(ulong seed, long step, CancellationToken cancellationToken)
    {
        var items = _order.Items(seed, step);
        var flips = new RandomSource(seed, "flip");
        var arrays = _others.ToDictionary(other => other.Key, other => ArraySource.Rows(other.Value, items));
        var array = arrays[_options.Input] = new NativeArray(DataType.Float, items.Length, _channels, OutputHeight, OutputWidth);
        var batch = new Batch(items.Length, arrays);
        try
        {
            var pixels = array.AsSpan<float>();
            pixels.Fill(-1);
            for (var i = 0; i < items.Length; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var flip = _options.Flip && (flips.Stream(step, i).NextUInt32() & 1) != 0;
                Prepare(items[i], flip, pixels.Slice(i * (pixels.Length / items.Length), pixels.Length / items.Length));
            }

            return batch;
        }
        catch
        {
            batch.Dispose();
            throw;
        }
    }

    private void Prepare(int item, bool flip, Span<float> target)
    {
        var count = _channels * _height * _width;
        var image = ArrayPool<float>.Shared.Rent(count);
        try
        {
            ReadImage(item, image.AsSpan(0, count));
            var (top, left) = ((OutputHeight - _height) / 2, (OutputWidth - _width) / 2);
            for (var channel = 0; channel < _channels; channel++)
            {
                for (var y = 0; y < _height; y++)
                {
                    var row = target.Slice((((channel * OutputHeight) + top + y) * OutputWidth) + left, _width);
                    var (from, stride) = _channelsFirst ? (((channel * _height) + y) * _width, 1) : ((y * _width * _channels) + channel, _channels);
                    for (var x = 0; x < _width; x++)
                    {
                        row[x] = image[from + (x * stride)];
                    }

                    if (flip)
                    {
                        row.Reverse();
                    }
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(image);
        }
    }

    /// <summary>An image from -1 to 1, as it is stored.</summary>
    private void ReadImage(int item, Span<float> image)
    {
        var length = (int)_images.Type.ByteSize(image.Length);
        var bytes = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            var data = bytes.AsSpan(0, length);
            _images.Data.Read((long)item * length, data);
            for (var i = 0; i < image.Length; i++)
            {
                image[i] = _images.Type switch
                {
                    DataType.UInt8 => (data[i] / 127.5f) - 1,
                    DataType.Float => (2 * MemoryMarshal.Cast<byte, float>(data)[i]) - 1,
                    DataType.Float16 => (2 * (float)MemoryMarshal.Cast<byte, Half>(data)[i]) - 1,
                    _ => (2 * (float)MemoryMarshal.Cast<byte, double>(data)[i]) - 1,
                };
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }
}
