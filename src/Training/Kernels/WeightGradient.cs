using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
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
    /// <summary>The part of the right operand that tiles run over before the next: stays in the second-level cache.</summary>
    private const int BlockBytes = 256 << 10;

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

        float* left = leftMemory.Floats, right = rightMemory.Floats;

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
                var (slice, part) = (task / split, task % split);
                Sum(slice, part * _groupRowBlocks / split, (part + 1) * _groupRowBlocks / split, count, left, right, result, start == 0);
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

    /// <summary>Sums over all places for some blocks of rows of a slice, a few of them at a time so that their sums stay in the cache.</summary>
    private void Sum(int slice, int from, int to, int images, float* left, float* right, float* result, bool isFirst)
    {
        const int MostVectors = 48, SumBytes = 32 << 10;
        for (var vector = 0; vector < _right.VectorsOf(slice); vector += MostVectors)
        {
            var vectors = Math.Min(MostVectors, _right.VectorsOf(slice) - vector);
            var blocks = Math.Max(1, SumBytes / (vectors * Lanes * Rows * sizeof(float)));
            for (var block = from; block < to; block += blocks)
            {
                Sum(slice, vector, vectors, block, Math.Min(blocks, to - block), images, left, right, result, isFirst);
            }
        }
    }

    [SkipLocalsInit]
    private void Sum(int slice, int firstVector, int vectors, int firstBlock, int blocks, int images, float* left, float* right, float* result, bool isFirst)
    {
        var s = _shape;
        var rowStep = vectors * Lanes;
        var memory = stackalloc float[(blocks * Rows * rowStep) + Lanes];
        var sums = (float*)(((nint)memory + 63) & -64);
        var starts = stackalloc float*[3];
        var offsets = stackalloc nint[vectors];
        for (var vector = 0; vector < vectors; vector++)
        {
            offsets[vector] = _right.Offset(firstVector + vector, images);
        }

        var (imagesAtOnce, rowsAtOnce) = _right.Portion(BlockBytes);
        var group = slice / _right.SlicesOfGroup;
        var weightsOfFilter = (long)s.GroupChannels * s.KernelSize;
        var weights = result + ((((long)group * s.GroupFilters) + (firstBlock * Rows)) * weightsOfFilter);
        var offset = _right.WeightOffset(slice) + (firstVector * Lanes);
        var leftBlock = (group * _groupRowBlocks) + firstBlock;
        for (var image = 0; image < images; image += imagesAtOnce)
        {
            var imageStart = right + _right.Start(slice, image, images);
            for (var row = 0; row < s.OutputRows; row += rowsAtOnce)
            {
                var places = _right.Places with { Images = Math.Min(imagesAtOnce, images - image), Rows = Math.Min(rowsAtOnce, s.OutputRows - row) };
                var isLast = image + places.Images == images && row + places.Rows == s.OutputRows;
                for (var block = 0; block < blocks; block++)
                {
                    var y = left + ((((((long)leftBlock + block) * images) + image) * s.OutputSize) + ((long)row * s.OutputColumns)) * Rows;
                    for (var vector = 0; vector < vectors;)
                    {
                        var count = TileVectors(vectors - vector);
                        for (var index = 0; index < count; index++)
                        {
                            starts[index] = imageStart + (row * places.RowStep) + offsets[vector + index];
                        }

                        if (isLast)
                        {
                            Prefetch(weights + (block * Rows * weightsOfFilter) + offset + (vector * Lanes), weightsOfFilter, count);
                        }

                        OuterProductTiles.Add(_width, count, y, starts, places, sums + ((long)block * Rows * rowStep) + (vector * Lanes), rowStep, isFirst: image == 0 && row == 0);
                        vector += count;
                    }
                }
            }
        }

        var filters = Math.Min(blocks * Rows, s.GroupFilters - (firstBlock * Rows));
        for (var filter = 0; filter < filters; filter++)
        {
            _right.Store(slice, firstVector, vectors, sums + ((long)filter * rowStep), weights + (filter * weightsOfFilter), isFirst);
        }
    }

    /// <summary>Brings the weights of a tile into the cache while others are summed: stores to far memory one after the other would wait.</summary>
    private static void Prefetch(float* weights, long weightsOfFilter, int vectors)
    {
        for (var row = 0; row < Rows && Sse.IsSupported; row++, weights += weightsOfFilter)
        {
            for (var vector = 0; vector < vectors; vector++)
            {
                Sse.Prefetch1(weights + (vector * Lanes));
            }
        }
    }

    /// <summary>Splits vectors into threes and twos: a single one keeps the processor less busy.</summary>
    private static int TileVectors(int left) => left is 4 or 2 ? 2 : Math.Min(left, 3);

    private static int Blocks(int count, int size) => (count + size - 1) / size;
}
