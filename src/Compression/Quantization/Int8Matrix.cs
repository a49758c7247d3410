using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization;

/// <summary>The weight of a matrix product in signed 8-bit integers, [K, N], with one scale or one per column.</summary>
internal sealed unsafe class Int8Matrix
{
    private readonly WeightMatrix _matrix;
    private readonly IntegerRange _range;
    private readonly bool _perColumn;
    private readonly int _threads;
    private readonly float[] _scales;

    private Int8Matrix(WeightMatrix matrix, IntegerRange range, bool perColumn, int threads)
    {
        _matrix = matrix;
        _range = range;
        _perColumn = perColumn;
        _threads = threads;
        _scales = new float[matrix.N];
    }

    /// <summary>Error of the whole matrix.</summary>
    public WeightErrorSums Error { get; private set; }

    /// <summary>The scales: one, or one for each column.</summary>
    public IReadOnlyList<float> Scales => _perColumn ? _scales : _scales[..1];

    /// <summary>The scale: a scalar, or [N].</summary>
    public Tensor Scale => _perColumn ? Tensor.Floats([_matrix.N], _scales) : Tensor.Float(_scales[0]);

    /// <summary>The zero point, 0, of the scale's shape.</summary>
    public Tensor ZeroPoint => Tensor.Create<sbyte>(DataType.Int8, _perColumn ? [_matrix.N] : [], new sbyte[_perColumn ? _matrix.N : 1]);

    /// <summary>Finds the scales and the error. Reads the weight twice.</summary>
    /// <param name="matrix">The weight, in float32.</param>
    /// <param name="range">The integers; symmetric.</param>
    /// <param name="perColumn">Whether every column has its own scale.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="smallest">The smallest scale that a column may have; null for any.</param>
    public static Int8Matrix Analyze(WeightMatrix matrix, IntegerRange range, bool perColumn, int threads, CancellationToken cancellationToken, Func<int, float>? smallest = null)
    {
        var result = new Int8Matrix(matrix, range, perColumn, threads);
        using var view = matrix.Tensor.Data.View();
        result.FindScales(view, cancellationToken);
        SmallestScales.Raise(result._scales, perColumn, smallest);
        result.MeasureError(view, cancellationToken);
        return result;
    }

    /// <summary>The integers: int8 [K, N]; computed when they are read.</summary>
    public Tensor Integers() => new(DataType.Int8, [_matrix.K, _matrix.N], new ComputedData((long)_matrix.K * _matrix.N, Quantize));

    private void FindScales(TensorView view, CancellationToken cancellationToken)
    {
        var largest = new float[_matrix.N];
        ForEachPart(part =>
        {
            var extremes = new float[part.Columns];
            _matrix.ForEachRow(view, part, (_, weights) => AffineKernel.RaiseToMagnitude(weights, extremes));
            lock (largest)
            {
                AffineKernel.RaiseToMagnitude(extremes, largest.AsSpan(part.FirstColumn, part.Columns));
            }
        }, cancellationToken);
        var common = largest.Max();
        for (var column = 0; column < largest.Length; column++)
        {
            var extreme = _perColumn ? largest[column] : common;
            _scales[column] = AffineParameters.Spread(-extreme, extreme, _range).Scale;
        }
    }

    private void MeasureError(TensorView view, CancellationToken cancellationToken)
    {
        var sums = new WeightErrorSums[MatrixPart.Count(_matrix, 1)];
        ForEachPart(part => _matrix.ForEachRow(view, part, (_, weights) =>
            AffineKernel.Measure(weights, _scales.AsSpan(part.FirstColumn, part.Columns), 0, _range, ref sums[part.Index])), cancellationToken);
        Error = WeightErrorSums.Total(sums);
    }

    private void Quantize(Span<byte> destination)
    {
        using var view = _matrix.Tensor.Data.View();
        fixed (byte* start = destination)
        {
            var integers = start; // A lambda cannot capture a fixed variable.
            ForEachPart(part => _matrix.ForEachRow(view, part, (row, weights) => AffineKernel.Quantize(
                weights, _scales.AsSpan(part.FirstColumn, part.Columns), 0, _range, new Span<byte>(integers + ((long)row * _matrix.N) + part.FirstColumn, part.Columns))));
        }
    }

    private void ForEachPart(Action<MatrixPart> work, CancellationToken cancellationToken = default) => MatrixPart.ForEach(_matrix, 1, _threads, work, cancellationToken);
}
