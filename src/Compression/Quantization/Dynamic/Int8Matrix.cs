using System.Buffers;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Dynamic;

/// <summary>The weight of a matrix product in signed 8-bit integers, [K, N], with one scale or one per column.</summary>
internal sealed unsafe class Int8Matrix
{
    /// <summary>Rows looked at in one go; a tile of them stays in the cache.</summary>
    private const int Rows = 256;

    private const int Stride = Rows + WeightMatrix.Padding;

    private readonly WeightMatrix _matrix;
    private readonly IntegerRange _range;
    private readonly int _threads;
    private readonly AffineParameters[] _columns;

    private Int8Matrix(WeightMatrix matrix, IntegerRange range, int threads)
    {
        _matrix = matrix;
        _range = range;
        _threads = threads;
        _columns = new AffineParameters[matrix.N];
    }

    /// <summary>Error of the whole matrix.</summary>
    public WeightErrorSums Error { get; private set; }

    /// <summary>Finds the scales and the error. Reads the weight twice.</summary>
    /// <param name="matrix">The weight, in float32.</param>
    /// <param name="range">The integers.</param>
    /// <param name="perColumn">Whether every column has its own scale.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static Int8Matrix Analyze(WeightMatrix matrix, IntegerRange range, bool perColumn, int threads, CancellationToken cancellationToken)
    {
        var result = new Int8Matrix(matrix, range, threads);
        using var view = matrix.Tensor.Data.View();
        result.FindScales(view, perColumn, cancellationToken);
        result.MeasureError(view, cancellationToken);
        return result;
    }

    /// <summary>The integers: int8 [K, N]; computed when they are read.</summary>
    public Tensor Integers() => new(DataType.Int8, [_matrix.K, _matrix.N], new ComputedData((long)_matrix.K * _matrix.N, Quantize));

    /// <summary>The scale: a scalar, or [N].</summary>
    public Tensor Scale(bool perColumn) => perColumn
        ? Tensor.Floats([_matrix.N], Array.ConvertAll(_columns, column => column.Scale))
        : Tensor.Float(_columns[0].Scale);

    /// <summary>The zero point, of the scale's shape.</summary>
    public Tensor ZeroPoint(bool perColumn) => Tensor.Create<sbyte>(DataType.Int8, perColumn ? [_matrix.N] : [], new sbyte[perColumn ? _matrix.N : 1]);

    private void FindScales(TensorView view, bool perColumn, CancellationToken cancellationToken)
    {
        var largest = new float[_matrix.N];
        ParallelWork.ForEachTile(_matrix, _threads, (_, firstColumn, columns) => ForEachRun(view, firstColumn, columns, (column, _, weights) =>
        {
            var (low, high) = AffineKernel.Range(weights);
            largest[column] = Math.Max(largest[column], Math.Max(-low, high));
        }), cancellationToken);
        var common = largest.Max();
        for (var column = 0; column < largest.Length; column++)
        {
            var extreme = perColumn ? largest[column] : common;
            _columns[column] = AffineParameters.Spread(-extreme, extreme, _range);
        }
    }

    private void MeasureError(TensorView view, CancellationToken cancellationToken)
    {
        var sums = new WeightErrorSums[ParallelWork.Tiles(_matrix)];
        ParallelWork.ForEachTile(_matrix, _threads, (tile, firstColumn, columns) => ForEachRun(view, firstColumn, columns, (column, _, weights) =>
            AffineKernel.Measure(weights, _columns[column], _range, ref sums[tile])), cancellationToken);
        var error = default(WeightErrorSums);
        foreach (var sum in sums)
        {
            error.Add(sum);
        }

        Error = error;
    }

    private void Quantize(Span<byte> destination)
    {
        using var view = _matrix.Tensor.Data.View();
        fixed (byte* start = destination)
        {
            var integers = start; // A lambda cannot capture a fixed variable.
            ParallelWork.ForEachTile(_matrix, _threads, (_, firstColumn, columns) => ForEachRun(view, firstColumn, columns, (column, firstRow, weights) =>
            {
                Span<byte> run = stackalloc byte[weights.Length];
                AffineKernel.Quantize(weights, _columns[column], _range, run);
                var place = integers + ((long)firstRow * _matrix.N) + column;
                foreach (var integer in run)
                {
                    *place = integer;
                    place += _matrix.N;
                }
            }));
        }
    }

    private delegate void RunAction(int column, int firstRow, ReadOnlySpan<float> weights);

    private void ForEachRun(TensorView view, int firstColumn, int columns, RunAction action)
    {
        var buffer = ArrayPool<float>.Shared.Rent(ParallelWork.TileColumns * Stride);
        for (var row = 0; row < _matrix.K; row += Rows)
        {
            var rows = Math.Min(Rows, _matrix.K - row);
            _matrix.Gather(view, firstColumn, columns, row, rows, buffer, Stride);
            for (var column = 0; column < columns; column++)
            {
                action(firstColumn + column, row, buffer.AsSpan(column * Stride, rows));
            }
        }

        ArrayPool<float>.Shared.Return(buffer);
    }
}
