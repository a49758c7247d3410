using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>
/// A weight matrix in the layout of MatMulNBits. Scales and zero points, small, are found at once together with the error;
/// the codes are computed when the model is saved, unless they were given.
/// </summary>
internal sealed unsafe class BlockwiseWeight
{
    private readonly WeightMatrix _matrix;
    private readonly BlockFormat _format;
    private readonly int _threads;
    private readonly float[] _scales;
    private readonly byte[] _zeroPoints;
    private byte[]? _codes;

    private BlockwiseWeight(WeightMatrix matrix, BlockFormat format, int threads)
    {
        _matrix = matrix;
        _format = format;
        _threads = threads;
        _scales = new float[checked(matrix.N * format.Blocks(matrix.K))];
        _zeroPoints = new byte[format.IsSymmetric ? 0 : _scales.Length];
    }

    /// <summary>Error of the whole matrix.</summary>
    public WeightErrorSums Error { get; private set; }

    /// <summary>The zero points as bytes, [N, blocks]; none when symmetric.</summary>
    public ReadOnlySpan<byte> ZeroPointNumbers => _zeroPoints;

    private bool HasHalfScales => _matrix.Tensor.Type == DataType.Float16;

    /// <summary>Finds the parameters of all blocks. Reads the weight once.</summary>
    /// <param name="matrix">The weight.</param>
    /// <param name="format">The format.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="clips">Shares of its range that each block keeps, [N, blocks]; null for all of it.</param>
    public static BlockwiseWeight Analyze(WeightMatrix matrix, BlockFormat format, int threads, CancellationToken cancellationToken, float[]? clips = null)
    {
        var result = new BlockwiseWeight(matrix, format, threads);
        result.Analyze(clips, cancellationToken);
        return result;
    }

    /// <summary>A weight whose columns are still to be given, all of them.</summary>
    /// <param name="matrix">The weight.</param>
    /// <param name="format">The format.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    public static BlockwiseWeight Empty(WeightMatrix matrix, BlockFormat format, int threads) =>
        new(matrix, format, threads) { _codes = new byte[(long)matrix.N * format.Blocks(matrix.K) * format.BlockBytes] };

    /// <summary>Gives some columns of an empty weight. They are kept as codes.</summary>
    /// <param name="first">The first column.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="weights">The weights, [K, columns].</param>
    /// <param name="rounded">The weights that take their place, on the grid.</param>
    /// <param name="grid">The grid.</param>
    public void SetColumns(int first, int columns, float[] weights, float[] rounded, BlockGrid grid)
    {
        var blocks = _format.Blocks(_matrix.K);
        for (var place = 0; place < grid.Scales.Length; place++)
        {
            var to = ((first + (place % columns)) * blocks) + (place / columns);
            _scales[to] = grid.Scales[place];
            if (!_format.IsSymmetric)
            {
                _zeroPoints[to] = (byte)grid.ZeroPoints[place];
            }
        }

        // The nearest codes of weights on the grid are the codes that they came from.
        var bytes = blocks * _format.BlockBytes;
        Encode(new WeightMatrix(Tensor.Floats([_matrix.K, columns], rounded), IsTransposed: false), first, _codes.AsSpan(first * bytes, columns * bytes));
        var sums = Error;
        for (var start = 0; start < weights.Length; start += columns)
        {
            sums.Add(weights.AsSpan(start, columns), rounded.AsSpan(start, columns));
        }

        Error = sums;
    }

    /// <summary>The codes: uint8 [N, blocks, bytes of a block].</summary>
    public Tensor Codes()
    {
        long[] dims = [_matrix.N, _format.Blocks(_matrix.K), _format.BlockBytes];
        return new Tensor(DataType.UInt8, dims, _codes is { } codes ? new MemoryData(codes) : new ComputedData(dims[0] * dims[1] * dims[2], destination => Encode(_matrix, 0, destination)));
    }

    /// <summary>The scales: [N, blocks] in the weight's type.</summary>
    public Tensor Scales()
    {
        long[] dims = [_matrix.N, _format.Blocks(_matrix.K)];
        return HasHalfScales ? Tensor.Create<Half>(DataType.Float16, dims, Array.ConvertAll(_scales, scale => (Half)scale)) : Tensor.Floats(dims, _scales);
    }

    /// <summary>The zero points: uint8 [N, bytes of a column's zero points]; null when symmetric.</summary>
    public Tensor? ZeroPoints()
    {
        if (_format.IsSymmetric)
        {
            return null;
        }

        var (blocks, bytes) = (_format.Blocks(_matrix.K), _format.ZeroPointBytes(_matrix.K));
        var packed = _zeroPoints;
        if (_format.Bits == 4)
        {
            packed = new byte[_matrix.N * bytes];
            for (var place = 0; place < packed.Length; place++)
            {
                var first = (place / bytes * blocks) + (place % bytes * 2);
                var hasSecond = (place % bytes * 2) + 1 < blocks;
                packed[place] = (byte)(_zeroPoints[first] | ((hasSecond ? _zeroPoints[first + 1] : _format.MiddleCode) << 4));
            }
        }

        return new Tensor(DataType.UInt8, [_matrix.N, bytes], new MemoryData(packed));
    }

    private void Analyze(float[]? clips, CancellationToken cancellationToken)
    {
        using var view = _matrix.Tensor.Data.View();
        var blocks = _format.Blocks(_matrix.K);
        var sums = new WeightErrorSums[MatrixPart.Count(_matrix, _format.BlockSize)];
        MatrixPart.ForEach(_matrix, _format.BlockSize, _threads, part => ForEachBlock(_matrix, view, part, (column, index, block, _) =>
        {
            var parameters = FindParameters(block, clips?[(column * blocks) + index] ?? 1);
            _scales[(column * blocks) + index] = parameters.Scale;
            if (!_format.IsSymmetric)
            {
                _zeroPoints[(column * blocks) + index] = (byte)parameters.ZeroPoint;
            }

            BlockQuantizer.Measure(block, parameters, _format, ref sums[part.Index]);
        }), cancellationToken);
        Error = WeightErrorSums.Total(sums);
    }

    /// <summary>The parameters of a block whose largest magnitudes are cut off; its codes are then the nearest ones, those at the ends for what was cut.</summary>
    private BlockParameters FindParameters(ReadOnlySpan<float> block, float clip)
    {
        if (clip == 1)
        {
            return BlockQuantizer.FindParameters(block, _format, HasHalfScales);
        }

        var largest = 0f;
        foreach (var weight in block)
        {
            largest = Math.Max(largest, Math.Abs(weight));
        }

        var limit = largest * clip;
        Span<float> clipped = stackalloc float[block.Length];
        for (var index = 0; index < block.Length; index++)
        {
            clipped[index] = Math.Clamp(block[index], -limit, limit);
        }

        return BlockQuantizer.FindParameters(clipped, _format, HasHalfScales);
    }

    /// <summary>Writes the codes of a matrix whose first column is a given one of the weight.</summary>
    private void Encode(WeightMatrix matrix, int first, Span<byte> destination)
    {
        using var view = matrix.Tensor.Data.View();
        var blocks = _format.Blocks(matrix.K);
        fixed (byte* start = destination)
        {
            var codes = start; // A lambda cannot capture a fixed variable.
            MatrixPart.ForEach(matrix, _format.BlockSize, _threads, part => ForEachBlock(matrix, view, part, (column, index, block, count) =>
            {
                var place = ((long)column * blocks) + index;
                var parameter = place + ((long)first * blocks);
                var scale = _scales[parameter];
                var parameters = new BlockParameters(scale, scale == 0 ? 0 : 1 / scale, _format.IsSymmetric ? _format.MiddleCode : _zeroPoints[parameter]);
                BlockQuantizer.Encode(block, count, parameters, _format, new Span<byte>(codes + (place * _format.BlockBytes), _format.BlockBytes));
            }));
        }
    }

    private delegate void BlockAction(int column, int index, ReadOnlySpan<float> block, int count);

    /// <summary>Hands over the blocks of a part, filled up with zeros.</summary>
    private void ForEachBlock(WeightMatrix matrix, TensorView view, MatrixPart part, BlockAction action)
    {
        var size = _format.BlockSize;
        var stride = size + WeightMatrix.Padding;
        var (lastRow, lastColumn) = (part.FirstRow + part.Rows, part.FirstColumn + part.Columns);
        Span<float> buffer = stackalloc float[MatrixPart.TileColumns * stride];
        for (var tile = part.FirstColumn; tile < lastColumn; tile += MatrixPart.TileColumns)
        {
            var columns = Math.Min(MatrixPart.TileColumns, lastColumn - tile);
            for (var row = part.FirstRow; row < lastRow; row += size)
            {
                var count = Math.Min(size, lastRow - row);
                if (count < size)
                {
                    buffer.Clear();
                }

                matrix.GatherColumns(view, tile, columns, row, count, buffer, stride);
                for (var column = 0; column < columns; column++)
                {
                    action(tile + column, row / size, buffer.Slice(column * stride, size), count);
                }
            }
        }
    }
}
