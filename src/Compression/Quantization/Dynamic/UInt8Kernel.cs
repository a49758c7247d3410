using System.Buffers;
using System.Runtime.InteropServices;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Dynamic;

/// <summary>The kernel of a convolution in unsigned 8-bit integers with one scale and one zero point.</summary>
internal sealed class UInt8Kernel
{
    private const int Chunk = 1 << 18;

    /// <summary>Weights quantized in one go: as many as there are copies of the scale.</summary>
    private const int Run = 256;

    private readonly Tensor _tensor;
    private readonly IntegerRange _range;
    private readonly AffineParameters _parameters;
    private readonly float[] _scales = new float[Run];

    private UInt8Kernel(Tensor tensor, IntegerRange range, AffineParameters parameters)
    {
        _tensor = tensor;
        _range = range;
        _parameters = parameters;
        _scales.AsSpan().Fill(parameters.Scale);
    }

    /// <summary>Error of the whole kernel.</summary>
    public WeightErrorSums Error { get; private set; }

    /// <summary>The scale, a scalar.</summary>
    public Tensor Scale => Tensor.Float(_parameters.Scale);

    /// <summary>The zero point, a scalar.</summary>
    public Tensor ZeroPoint => Tensor.Create<byte>(DataType.UInt8, [], [(byte)_parameters.ZeroPoint]);

    /// <summary>Finds scale, zero point and error. Reads the kernel twice.</summary>
    /// <param name="tensor">The kernel, in float32.</param>
    /// <param name="range">The integers.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static UInt8Kernel Analyze(Tensor tensor, IntegerRange range, int threads, CancellationToken cancellationToken)
    {
        var ranges = new (float Smallest, float Largest)[(tensor.Count + Chunk - 1) / Chunk];
        ForEachChunk(tensor, threads, (index, weights) => ranges[index] = AffineKernel.Range(weights), cancellationToken);
        var parameters = AffineParameters.Spread(ranges.Min(part => part.Smallest), ranges.Max(part => part.Largest), range);
        var result = new UInt8Kernel(tensor, range, parameters);
        var sums = new WeightErrorSums[ranges.Length];
        ForEachChunk(tensor, threads, (index, weights) => result.Measure(weights, ref sums[index]), cancellationToken);
        result.Error = WeightErrorSums.Total(sums);
        return result;
    }

    /// <summary>The integers, of the kernel's shape; computed when they are read.</summary>
    public Tensor Integers() => new(DataType.UInt8, _tensor.Dims, new ChunkedData(_tensor.Data, sizeof(float), 1, (_, input, output) =>
    {
        var weights = MemoryMarshal.Cast<byte, float>(input);
        for (var first = 0; first < weights.Length; first += Run)
        {
            AffineKernel.Quantize(weights.Slice(first, Math.Min(Run, weights.Length - first)), _scales, _parameters.ZeroPoint, _range, output[first..]);
        }
    }));

    private void Measure(ReadOnlySpan<float> weights, ref WeightErrorSums sums)
    {
        for (; weights.Length > 0; weights = weights[Math.Min(Run, weights.Length)..])
        {
            AffineKernel.Measure(weights[..Math.Min(Run, weights.Length)], _scales, _parameters.ZeroPoint, _range, ref sums);
        }
    }

    private delegate void ChunkAction(int index, ReadOnlySpan<float> weights);

    private static void ForEachChunk(Tensor tensor, int threads, ChunkAction action, CancellationToken cancellationToken) =>
        ParallelWork.For((int)((tensor.Count + Chunk - 1) / Chunk), threads, index =>
        {
            var first = (long)index * Chunk;
            var count = (int)Math.Min(Chunk, tensor.Count - first);
            var buffer = ArrayPool<float>.Shared.Rent(count);
            var weights = buffer.AsSpan(0, count);
            tensor.Data.Read(first * sizeof(float), MemoryMarshal.AsBytes(weights));
            action(index, weights);
            ArrayPool<float>.Shared.Return(buffer);
        }, cancellationToken);
}
