namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// What a two-dimensional convolution multiplies its weight with: for every output position the inputs under the kernel, as a
/// row in the order of the weight [O, C/group, kernel height, kernel width]. Padding counts as zeros, as the layer sees it.
/// A convolution in one dimension is one of height 1.
/// </summary>
/// <param name="Channels">Channels of the input.</param>
/// <param name="Height">Rows of the input.</param>
/// <param name="Width">Columns of the input.</param>
/// <param name="KernelHeight">Rows of the kernel.</param>
/// <param name="KernelWidth">Columns of the kernel.</param>
internal sealed record ConvolutionPatches(int Channels, int Height, int Width, int KernelHeight, int KernelWidth)
{
    /// <summary>Rows handed over at once.</summary>
    private const int BlockRows = 192;

    /// <summary>Receives rows.</summary>
    /// <param name="rows">[rows, <see cref="Length"/>]; valid during the call.</param>
    public delegate void RowsAction(ReadOnlySpan<float> rows);

    /// <summary>Steps of the kernel: down, right.</summary>
    public (int Down, int Right) Strides { get; init; } = (1, 1);

    /// <summary>Steps between taps: down, right.</summary>
    public (int Down, int Right) Dilations { get; init; } = (1, 1);

    /// <summary>Padding as the attribute pads has it.</summary>
    public (int Top, int Left, int Bottom, int Right) Padding { get; init; }

    /// <summary>Groups of channels.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>Elements of a patch: the K of the weight as a matrix.</summary>
    public int Length => Channels / Groups * KernelHeight * KernelWidth;

    /// <summary>Rows of the output.</summary>
    public int OutputHeight => Positions(Height, Padding.Top + Padding.Bottom, KernelHeight, Strides.Down, Dilations.Down);

    /// <summary>Columns of the output.</summary>
    public int OutputWidth => Positions(Width, Padding.Left + Padding.Right, KernelWidth, Strides.Right, Dilations.Right);

    /// <summary>Hands over the patches of a group, image by image, row by row.</summary>
    /// <param name="input">[images, C, H, W].</param>
    /// <param name="group">The group.</param>
    /// <param name="action">Receives them, in blocks.</param>
    /// <exception cref="ArgumentException">There is a part of an image.</exception>
    public void ForEach(ReadOnlySpan<float> input, int group, RowsAction action)
    {
        var image = Channels * Height * Width;
        if (input.Length % image != 0)
        {
            throw new ArgumentException($"{input.Length} elements are not images of {image}.", nameof(input));
        }

        var (length, filled, positions) = (Length, 0, OutputHeight * OutputWidth);
        var rows = new float[BlockRows * length];
        var channels = Channels / Groups * Height * Width;
        for (var start = group * channels; start < input.Length; start += image)
        {
            for (var position = 0; position < positions; position++)
            {
                Fill(input.Slice(start, channels), position / OutputWidth, position % OutputWidth, rows.AsSpan(filled, length));
                filled += length;
                if (filled == rows.Length)
                {
                    action(rows);
                    filled = 0;
                }
            }
        }

        if (filled > 0)
        {
            action(rows.AsSpan(0, filled));
        }
    }

    private static int Positions(int size, int padding, int kernel, int stride, int dilation) => ((size + padding - (dilation * (kernel - 1)) - 1) / stride) + 1;

    private void Fill(ReadOnlySpan<float> planes, int row, int column, Span<float> patch)
    {
        var (top, left) = ((row * Strides.Down) - Padding.Top, (column * Strides.Right) - Padding.Left);
        var isInside = left >= 0 && left + (Dilations.Right * (KernelWidth - 1)) < Width;
        var place = 0;
        for (var plane = 0; plane < planes.Length; plane += Height * Width)
        {
            for (var down = 0; down < KernelHeight; down++, place += KernelWidth)
            {
                var y = top + (down * Dilations.Down);
                var taps = patch.Slice(place, KernelWidth);
                if (y < 0 || y >= Height)
                {
                    taps.Clear();
                    continue;
                }

                var line = planes.Slice(plane + (y * Width), Width);
                for (var right = 0; right < KernelWidth; right++)
                {
                    var x = left + (right * Dilations.Right);
                    taps[right] = isInside || (x >= 0 && x < Width) ? line[x] : 0;
                }
            }
        }
    }
}
