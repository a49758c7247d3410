using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>
/// A weight matrix in the layout of MatMulNBits. Scales and zero points, small, are found at once together with the error;
/// the codes are computed when the model is saved.
/// </summary>
internal sealed unsafe class BlockwiseWeight
{
    private readonly WeightMatrix _matrix;
    private readonly BlockFormat _format;
    private readonly int _threads;
    private readonly float[] _scales;
    private readonly byte[] _zeroPoints;

    private BlockwiseWeight(WeightMatrix matrix, BlockFormat format, int threads)
    {
        _matrix = matrix;
        _format = format;
        _threads = threads;
        _scales = new float[checked(matrix.N * format.Blocks(matrix.K))];
        _zeroPoints = new byte[format.IsSymmetric ? 0 : checked(matrix.N * format.ZeroPointBytes(matrix.K))];
    }

    /// <summary>Error of the whole matrix.</summary>
    public WeightErrorSums Error { get; private set; }

    private bool HasHalfScales => _matrix.Tensor.Type == DataType.Float16;

    /// <summary>Finds the parameters of all blocks. Reads the weight once.</summary>
    /// <param name="matrix">The weight.</param>
    /// <param name="format">The format.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static BlockwiseWeight Analyze(WeightMatrix matrix, BlockFormat format, int threads, CancellationToken cancellationToken)
    {
        var result = new BlockwiseWeight(matrix, format, threads);
        result.Analyze(cancellationToken);
        return result;
    }

    /// <summary>The codes: uint8 [N, blocks, bytes of a block].</summary>
    public Tensor Codes()
    {
        long[] dims = [_matrix.N, _format.Blocks(_matrix.K), _format.BlockBytes];
        return new Tensor(DataType.UInt8, dims, new ComputedData(dims[0] * dims[1] * dims[2], Encode));
    }

    /// <summary>The scales: [N, blocks] in the weight's type.</summary>
    public Tensor Scales()
    {
        long[] dims = [_matrix.N, _format.Blocks(_matrix.K)];
        return HasHalfScales ? Tensor.Create<Half>(DataType.Float16, dims, Array.ConvertAll(_scales, scale => (Half)scale)) : Tensor.Floats(dims, _scales);
    }

    /// <summary>The zero points: uint8 [N, bytes of a column's zero points]; null when symmetric.</summary>
    public Tensor? ZeroPoints() => _format.IsSymmetric ? null
        : new Tensor(DataType.UInt8, [_matrix.N, _format.ZeroPointBytes(_matrix.K)], new MemoryData(_zeroPoints));

    private void Analyze(CancellationToken cancellationToken)
    {
        using var view = _matrix.Tensor.Data.View();
        var blocks = _format.Blocks(_matrix.K);
        var sums = new WeightErrorSums[ParallelWork.Tiles(_matrix)];
        ParallelWork.ForEachTile(_matrix, _threads, (tile, firstColumn, columns) => ForEachBlock(view, firstColumn, columns, (column, index, block, _) =>
        {
            var parameters = BlockQuantizer.FindParameters(block, _format, HasHalfScales);
            _scales[(column * blocks) + index] = parameters.Scale;
            SetZeroPoint(column, index, parameters.ZeroPoint);
            BlockQuantizer.Measure(block, parameters, _format, ref sums[tile]);
        }), cancellationToken);
        var error = default(WeightErrorSums);
        foreach (var sum in sums)
        {
            error.Add(sum);
        }

        Error = error;
    }

    private void Encode(Span<byte> destination)
    {
        using var view = _matrix.Tensor.Data.View();
        var blocks = _format.Blocks(_matrix.K);
        fixed (byte* start = destination)
        {
            var codes = start; // A lambda cannot capture a fixed variable.
            ParallelWork.ForEachTile(_matrix, _threads, (_, firstColumn, columns) => ForEachBlock(view, firstColumn, columns, (column, index, block, count) =>
            {
                var place = ((long)column * blocks) + index;
                var scale = _scales[place];
                var parameters = new BlockParameters(scale, scale == 0 ? 0 : 1 / scale, GetZeroPoint(column, index));
                BlockQuantizer.Encode(block, count, parameters, _format, new Span<byte>(codes + (place * _format.BlockBytes), _format.BlockBytes));
            }));
        }
    }

    private delegate void BlockAction(int column, int index, ReadOnlySpan<float> block, int count);

    /// <summary>Hands over the blocks of some columns, filled up with zeros.</summary>
    private void ForEachBlock(TensorView view, int firstColumn, int columns, BlockAction action)
    {
        var size = _format.BlockSize;
        var stride = size + WeightMatrix.Padding;
        Span<float> buffer = stackalloc float[ParallelWork.TileColumns * stride];
        for (var index = 0; index < _format.Blocks(_matrix.K); index++)
        {
            var count = Math.Min(size, _matrix.K - (index * size));
            if (count < size)
            {
                buffer.Clear();
            }

            _matrix.Gather(view, firstColumn, columns, index * size, count, buffer, stride);
            for (var column = 0; column < columns; column++)
            {
                action(firstColumn + column, index, buffer.Slice(column * stride, size), count);
            }
        }
    }

    private void SetZeroPoint(int column, int index, int zeroPoint)
    {
        if (_format.IsSymmetric)
        {
            return;
        }

        ref var place = ref _zeroPoints[(column * _format.ZeroPointBytes(_matrix.K)) + (index * _format.Bits / 8)];
        if (_format.Bits == 8)
        {
            place = (byte)zeroPoint;
        }
        else if (index % 2 == 0)
        {
            place = (byte)(zeroPoint | (_format.MiddleCode << 4)); // The other half stays so when there is no further block.
        }
        else
        {
            place = (byte)((place & 0xF) | (zeroPoint << 4));
        }
    }

    private int GetZeroPoint(int column, int index)
    {
        if (_format.IsSymmetric)
        {
            return _format.MiddleCode;
        }

        var place = _zeroPoints[(column * _format.ZeroPointBytes(_matrix.K)) + (index * _format.Bits / 8)];
        return _format.Bits == 8 ? place : index % 2 == 0 ? place & 0xF : place >> 4;
    }
}
