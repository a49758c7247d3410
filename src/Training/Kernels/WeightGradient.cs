using System.Runtime.InteropServices;
using CompressTool.Runtime.CustomOperators;

namespace CompressTool.Training.Kernels;

/// <summary>
/// The gradient of a convolution by its weight as sums of outer products over all output places: of a vector of output
/// channels and, for each place of the convolution kernel, a vector of input channels. Both operands are packed first so
/// that these vectors are contiguous, X with its padding.
/// </summary>
/// <remarks>
/// A task owns a part of the weight and sums over all places in a fixed order, so threads share nothing and the result does not
/// depend on how many there are. Large inputs are packed and summed some images at a time, which bounds the memory.
/// </remarks>
internal sealed unsafe class WeightGradient
{
    /// <summary>The part of the right operand that a tile runs over stays in the first-level cache.</summary>
    private const int BlockBytes = 20 << 10;

    private const int Lanes = OuterProductTiles.Lanes, Rows = OuterProductTiles.Rows;

    private readonly ConvShape _shape;
    private readonly SimdWidth _width;
    private readonly long _maxPackedBytes;
    private readonly int _rowBlocks;
    private readonly int _groupRowBlocks;
    private readonly RightOperand _right;

    public WeightGradient(ConvShape shape, SimdWidth width, long maxPackedBytes)
    {
        _shape = shape;
        _width = width;
        _maxPackedBytes = maxPackedBytes;
        _groupRowBlocks = Blocks(shape.GroupFilters, Rows);
        _rowBlocks = shape.A.Group * _groupRowBlocks;
        _right = RightOperand.For(shape);
    }

    /// <summary>Computes dW from X and dY.</summary>
    public void Compute(KernelContext context, float* input, float* gradient, float* result)
    {
        var s = _shape;
        if (s.Images == 0 || s.OutputSize == 0)
        {
            NativeMemory.Clear(result, (nuint)((long)s.Filters * s.GroupChannels * s.KernelSize * sizeof(float)));
            return;
        }

        var leftImage = (long)_rowBlocks * s.OutputSize * Rows;
        var images = (int)Math.Clamp(_maxPackedBytes / sizeof(float) / (leftImage + _right.ImageFloats), 1, s.Images);
        using var leftMemory = context.Allocate(leftImage * images * sizeof(float));
        using var rightMemory = context.Allocate(_right.ImageFloats * images * sizeof(float));

        // Sums of a task, in packed order.
        var sumFloats = _right.Vectors * Lanes * Rows;
        using var sumMemory = context.Allocate((long)_right.Slices * _groupRowBlocks * sumFloats * sizeof(float));
        float* left = leftMemory.Floats, right = rightMemory.Floats, sums = sumMemory.Floats;

        var split = Split();
        for (var first = 0; first < s.Images; first += images)
        {
            var (start, count) = (first, Math.Min(images, s.Images - first));
            var rightTasks = _right.PackTasks(count);
            context.ParallelFor(rightTasks + (count * _rowBlocks), task =>
            {
                if (task < rightTasks)
                {
                    _right.Pack(task, count, input + (start * (long)s.Channels * s.InputRows * s.InputColumns), right);
                }
                else
                {
                    PackLeft(task - rightTasks, count, gradient + (start * (long)s.Filters * s.OutputSize), left);
                }
            });

            context.ParallelFor(_right.Slices * split, task =>
            {
                var slice = task / split;
                var part = task % split;
                var (from, to) = (part * _groupRowBlocks / split, (part + 1) * _groupRowBlocks / split);
                var taskSums = sums + (((long)slice * _groupRowBlocks) * sumFloats);
                if (start == 0)
                {
                    NativeMemory.Clear(taskSums + ((long)from * sumFloats), (nuint)((long)(to - from) * sumFloats * sizeof(float)));
                }

                Sum(slice, from, to, count, left, right, taskSums);
                if (start + count == s.Images)
                {
                    Store(slice, from, to, taskSums, result);
                }
            });
        }
    }

    /// <summary>How many tasks share the rows of a slice: enough tasks that threads end together, as few as that allows.</summary>
    private int Split()
    {
        const int Enough = 24;
        return Math.Clamp(Blocks(Enough, _right.Slices), 1, _groupRowBlocks);
    }

    /// <summary>Packs 8 output channels of an image: [block of rows][image][place][8].</summary>
    private void PackLeft(int task, int images, float* gradient, float* left)
    {
        var s = _shape;
        var (block, image) = (task / images, task % images);
        var (group, groupBlock) = (block / _groupRowBlocks, block % _groupRowBlocks);
        var rows = Math.Min(Rows, s.GroupFilters - (groupBlock * Rows));
        var target = left + ((((long)block * images) + image) * s.OutputSize * Rows);
        if (rows < Rows)
        {
            NativeMemory.Clear(target, (nuint)(s.OutputSize * Rows * sizeof(float)));
        }

        var source = gradient + ((((long)image * s.Filters) + (group * s.GroupFilters) + (groupBlock * Rows)) * s.OutputSize);
        Transposition.Transpose(source, s.OutputSize, rows, s.OutputSize, target, Rows);
    }

    /// <summary>Adds the outer products of all places to the sums of some blocks of rows.</summary>
    private void Sum(int slice, int from, int to, int images, float* left, float* right, float* sums)
    {
        var s = _shape;
        var firstBlock = (slice / _right.SlicesOfGroup * _groupRowBlocks) + from;
        var vectors = _right.VectorsOf(slice);
        var rowStep = (nint)_right.Vectors * Lanes;
        var starts = stackalloc float*[3];
        var (imagesAtOnce, rowsAtOnce) = _right.Portion(BlockBytes);
        for (var image = 0; image < images; image += imagesAtOnce)
        {
            var blockImages = Math.Min(imagesAtOnce, images - image);
            for (var row = 0; row < s.OutputRows; row += rowsAtOnce)
            {
                var places = _right.Places with { Images = blockImages, Rows = Math.Min(rowsAtOnce, s.OutputRows - row) };
                var x = right + _right.Start(slice, image, images) + (row * places.RowStep);
                for (var block = 0; block < to - from; block++)
                {
                    var y = left + ((((((long)firstBlock + block) * images) + image) * s.OutputSize) + ((long)row * s.OutputColumns)) * Rows;
                    var tile = sums + ((long)(from + block) * Rows * rowStep);
                    for (var vector = 0; vector < vectors;)
                    {
                        var count = TileVectors(vectors - vector);
                        for (var index = 0; index < count; index++)
                        {
                            starts[index] = x + _right.Offset(vector + index, images);
                        }

                        OuterProductTiles.Add(_width, count, y, starts, places, tile + (vector * Lanes), rowStep);
                        vector += count;
                    }
                }
            }
        }
    }

    /// <summary>Splits vectors into threes and twos: a single one keeps the processor less busy.</summary>
    private static int TileVectors(int left) => left is 4 or 2 ? 2 : Math.Min(left, 3);

    /// <summary>Moves sums to their places in the weight.</summary>
    private void Store(int slice, int from, int to, float* sums, float* result)
    {
        var s = _shape;
        var group = slice / _right.SlicesOfGroup;
        var first = (from * Rows);
        var last = Math.Min(to * Rows, s.GroupFilters);
        for (var row = first; row < last; row++)
        {
            var target = result + (((long)group * s.GroupFilters) + row) * s.GroupChannels * s.KernelSize;
            _right.Store(slice, sums + ((long)row * _right.Vectors * Lanes), target);
        }
    }

    private static int Blocks(int count, int size) => (count + size - 1) / size;
}
