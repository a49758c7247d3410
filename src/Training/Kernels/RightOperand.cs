using System.Runtime.InteropServices;

namespace CompressTool.Training.Kernels;

/// <summary>
/// The input of a convolution, packed for <see cref="OuterProductTiles"/>: how it lies in memory, how it gets there, and
/// which weights its columns stand for. A slice is what one task works on: vectors of 16 columns that share their places.
/// </summary>
internal abstract unsafe class RightOperand(ConvShape shape)
{
    protected const int Lanes = OuterProductTiles.Lanes;

    /// <summary>Floats of one packed image.</summary>
    public abstract long ImageFloats { get; }

    /// <summary>Slices of a group.</summary>
    public abstract int SlicesOfGroup { get; }

    /// <summary>Vectors of a slice, at most.</summary>
    public abstract int Vectors { get; }

    /// <summary>How tiles walk over an image; for one image and all rows.</summary>
    public abstract Places Places { get; }

    /// <summary>Slices of all groups.</summary>
    public int Slices => SlicesOfGroup * Shape.A.Group;

    protected ConvShape Shape { get; } = shape;

    /// <summary>The layout that wastes less: few channels would leave most of a vector of channels empty.</summary>
    public static RightOperand For(ConvShape shape)
    {
        var blocked = (shape.GroupChannels + Lanes - 1) / Lanes * shape.KernelSize;
        var columns = ((shape.GroupChannels * shape.KernelSize) + Lanes - 1) / Lanes;
        return 2 * columns <= blocked ? new ColumnOperand(shape) : new ChannelOperand(shape);
    }

    /// <summary>Vectors of a slice.</summary>
    public abstract int VectorsOf(int slice);

    /// <summary>How many parts packing has.</summary>
    public abstract int PackTasks(int images);

    /// <summary>Packs one part.</summary>
    public abstract void Pack(int task, int images, float* input, float* target);

    /// <summary>Where a slice's first vector of an image starts.</summary>
    public abstract long Start(int slice, int image, int images);

    /// <summary>Floats from a slice's first vector to another.</summary>
    public abstract nint Offset(int vector, int images);

    /// <summary>Floats from the first weight of an output channel to the first one that a slice stands for. A slice's weights are contiguous, 16 for each vector.</summary>
    public abstract long WeightOffset(int slice);

    /// <summary>Moves sums of some vectors, [vector][16], to the weights of an output channel, [channel][place of the kernel], or adds them.</summary>
    public abstract void Store(int slice, int vector, int count, float* sums, float* weights, bool isFirst);

    /// <summary>How many images, or rows of one image, a tile runs over at once so that they fit into some bytes.</summary>
    public (int Images, int Rows) Portion(int bytes)
    {
        var perRow = Math.Max(1, (long)(Shape.KernelSize > 1 ? 1 : Math.Min(Vectors, 3)) * Places.RowStep * sizeof(float));
        var rows = (int)Math.Clamp(bytes / perRow, 1, int.MaxValue);
        return rows < Shape.OutputRows ? (1, rows) : (rows / Shape.OutputRows, Shape.OutputRows);
    }
}

/// <summary>
/// Vectors of 16 channels at every place of the padded input, [block of channels][image][row][column][16]: all places of
/// the convolution kernel read the same memory.
/// </summary>
internal sealed unsafe class ChannelOperand(ConvShape shape) : RightOperand(shape)
{
    // A small kernel has few vectors; several blocks of channels together fill a tile.
    private readonly int _blocksOfSlice = shape.KernelSize > 2 ? 1 : Math.Min(4, (shape.GroupChannels + Lanes - 1) / Lanes);

    public override long ImageFloats => (long)Shape.A.Group * BlocksOfGroup * BlockFloats;

    public override int SlicesOfGroup => (BlocksOfGroup + _blocksOfSlice - 1) / _blocksOfSlice;

    public override int Vectors => _blocksOfSlice * Shape.KernelSize;

    public override Places Places => new(1, Shape.OutputRows, Shape.OutputColumns, (nint)BlockFloats, Shape.PaddedColumns * Shape.A.RowStride * Lanes, Shape.A.ColumnStride * Lanes);

    private int BlocksOfGroup => (Shape.GroupChannels + Lanes - 1) / Lanes;

    /// <summary>Floats of one block of channels of an image.</summary>
    private long BlockFloats => (long)Shape.PaddedRows * Shape.PaddedColumns * Lanes;

    public override int VectorsOf(int slice) => Math.Min(_blocksOfSlice, BlocksOfGroup - (slice % SlicesOfGroup * _blocksOfSlice)) * Shape.KernelSize;

    public override int PackTasks(int images) => Shape.A.Group * BlocksOfGroup * images;

    public override void Pack(int task, int images, float* input, float* target)
    {
        var (s, a) = (Shape, Shape.A);
        var (block, image) = (task / images, task % images);
        var (group, groupBlock) = (block / BlocksOfGroup, block % BlocksOfGroup);
        var channels = Math.Min(Lanes, s.GroupChannels - (groupBlock * Lanes));
        var channelFloats = (long)s.InputRows * s.InputColumns;
        input += (((long)image * s.Channels) + (group * s.GroupChannels) + (groupBlock * Lanes)) * channelFloats;
        target += task * BlockFloats;
        if (channels < Lanes)
        {
            NativeMemory.Clear(target, (nuint)(BlockFloats * sizeof(float)));
        }

        // Columns of the padded input that are columns of the input.
        var from = Math.Min(a.Left, s.PaddedColumns);
        var to = Math.Clamp(a.Left + s.InputColumns, from, s.PaddedColumns);
        for (var row = 0; row < s.PaddedRows; row++, target += s.PaddedColumns * Lanes)
        {
            if (row < a.Top || row >= a.Top + s.InputRows)
            {
                Clear(target, s.PaddedColumns);
                continue;
            }

            Clear(target, from);
            Transposition.Transpose(input + ((long)(row - a.Top) * s.InputColumns), (nint)channelFloats, channels, to - from, target + (from * Lanes), Lanes);
            Clear(target + (to * Lanes), s.PaddedColumns - to);
        }
    }

    public override long Start(int slice, int image, int images)
    {
        var (group, groupSlice) = (slice / SlicesOfGroup, slice % SlicesOfGroup);
        return ((((((long)group * BlocksOfGroup) + (groupSlice * _blocksOfSlice)) * images) + image) * BlockFloats);
    }

    public override nint Offset(int vector, int images)
    {
        var (block, place) = (vector / Shape.KernelSize, vector % Shape.KernelSize);
        var (row, column) = (place / Shape.A.KernelColumns, place % Shape.A.KernelColumns);
        return (nint)((block * images * BlockFloats) + (((row * Shape.A.RowDilation * (long)Shape.PaddedColumns) + (column * Shape.A.ColumnDilation)) * Lanes));
    }

    public override long WeightOffset(int slice) => (long)(slice % SlicesOfGroup) * _blocksOfSlice * Lanes * Shape.KernelSize;

    public override void Store(int slice, int vector, int count, float* sums, float* weights, bool isFirst)
    {
        var size = Shape.KernelSize;
        var (firstBlock, place) = (vector / size, vector % size);
        var channel = ((slice % SlicesOfGroup * _blocksOfSlice) + firstBlock) * Lanes;
        for (; count > 0; channel += Lanes, place = 0)
        {
            var places = Math.Min(size - place, count);
            var channels = Math.Min(Lanes, Shape.GroupChannels - channel);
            var target = weights + ((long)channel * size) + place;
            if (isFirst)
            {
                Transposition.Transpose(sums, Lanes, places, channels, target, size);
            }
            else
            {
                Transposition.AddTransposed(sums, Lanes, places, channels, target, size);
            }

            sums += places * Lanes;
            count -= places;
        }
    }

    private static void Clear(float* target, int places) => NativeMemory.Clear(target, (nuint)((long)places * Lanes * sizeof(float)));
}

/// <summary>
/// At every output place all the weights' inputs, [image][place][channel, row and column of the kernel]: costs a copy for each place of the
/// kernel, but fills vectors also when there are few channels.
/// </summary>
internal sealed unsafe class ColumnOperand(ConvShape shape) : RightOperand(shape)
{
    private readonly int _columns = shape.GroupChannels * shape.KernelSize;

    public override long ImageFloats => Shape.A.Group * GroupFloats;

    public override int SlicesOfGroup => 1;

    public override int Vectors => (_columns + Lanes - 1) / Lanes;

    public override Places Places => new(1, Shape.OutputRows, Shape.OutputColumns, (nint)GroupFloats, Shape.OutputColumns * PlaceFloats, PlaceFloats);

    private int PlaceFloats => Vectors * Lanes;

    private long GroupFloats => (long)Shape.OutputSize * PlaceFloats;

    public override int VectorsOf(int slice) => Vectors;

    public override int PackTasks(int images) => Shape.A.Group * images;

    public override void Pack(int task, int images, float* input, float* target)
    {
        var (s, a) = (Shape, Shape.A);
        var (group, image) = (task / images, task % images);
        target += task * GroupFloats;
        NativeMemory.Clear(target, (nuint)(GroupFloats * sizeof(float)));
        var channelFloats = (long)s.InputRows * s.InputColumns;
        input += (((long)image * s.Channels) + (group * s.GroupChannels)) * channelFloats;
        for (var index = 0; index < _columns; index++)
        {
            var (channel, place) = (index / s.KernelSize, index % s.KernelSize);
            var rowOffset = (place / a.KernelColumns * a.RowDilation) - a.Top;
            var columnOffset = (place % a.KernelColumns * a.ColumnDilation) - a.Left;
            for (var row = 0; row < s.OutputRows; row++)
            {
                var inputRow = (row * a.RowStride) + rowOffset;
                if (inputRow < 0 || inputRow >= s.InputRows)
                {
                    continue;
                }

                var source = input + (channel * channelFloats) + ((long)inputRow * s.InputColumns);
                var to = target + ((long)row * s.OutputColumns * PlaceFloats) + index;
                for (var column = 0; column < s.OutputColumns; column++, to += PlaceFloats)
                {
                    var inputColumn = (column * a.ColumnStride) + columnOffset;
                    if ((uint)inputColumn < (uint)s.InputColumns)
                    {
                        *to = source[inputColumn];
                    }
                }
            }
        }
    }

    public override long Start(int slice, int image, int images) => (((long)slice * images) + image) * GroupFloats;

    public override nint Offset(int vector, int images) => vector * Lanes;

    public override long WeightOffset(int slice) => 0;

    public override void Store(int slice, int vector, int count, float* sums, float* weights, bool isFirst)
    {
        var first = vector * Lanes;
        var columns = Math.Min(count * Lanes, _columns - first);
        for (var column = 0; column < columns; column++)
        {
            weights[first + column] = isFirst ? sums[column] : weights[first + column] + sums[column];
        }
    }
}
