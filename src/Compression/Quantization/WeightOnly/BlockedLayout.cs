using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>
/// A weight in the layout of the standard operator DequantizeLinear with blocks along the first axis (from opset 21 on): codes [K, N],
/// scales and zero points [blocks, N]. Symmetric codes are signed, so that zero is the zero point; others are unsigned. The values are
/// those of MatMulNBits.
/// </summary>
/// <param name="weight">The weight.</param>
/// <param name="matrix">Its shape.</param>
/// <param name="format">Its format.</param>
/// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
internal sealed unsafe class BlockedLayout(BlockwiseWeight weight, WeightMatrix matrix, BlockFormat format, int threads)
{
    /// <summary>Rows that one thread writes: an even number, so that it writes whole bytes.</summary>
    private const int Strip = 64;

    /// <summary>The codes, [K, N]; written when the model is saved.</summary>
    public Tensor Codes()
    {
        var source = weight.Codes().Data;
        var type = (format.Bits, format.IsSymmetric) switch
        {
            (4, true) => DataType.Int4,
            (4, false) => DataType.UInt4,
            (_, true) => DataType.Int8,
            _ => DataType.UInt8,
        };
        return new Tensor(type, [matrix.K, matrix.N], new ComputedData((((long)matrix.K * matrix.N * format.Bits) + 7) / 8, destination => Write(source, destination)));
    }

    /// <summary>The scales, [blocks, N].</summary>
    public Tensor Scales()
    {
        var stored = weight.Scales();
        var scales = Transposed(stored.ToFloats());
        long[] dims = [format.Blocks(matrix.K), matrix.N];
        return stored.Type == DataType.Float16 ? Tensor.Create<Half>(DataType.Float16, dims, Array.ConvertAll(scales, scale => (Half)scale)) : Tensor.Floats(dims, scales);
    }

    /// <summary>The zero points, [blocks, N]; null when symmetric.</summary>
    public Tensor? ZeroPoints()
    {
        if (format.IsSymmetric)
        {
            return null;
        }

        var numbers = Transposed(weight.ZeroPointNumbers);
        long[] dims = [format.Blocks(matrix.K), matrix.N];
        if (format.Bits == 8)
        {
            return Tensor.Create<byte>(DataType.UInt8, dims, numbers);
        }

        var packed = new byte[(numbers.Length + 1) / 2];
        for (var index = 0; index < numbers.Length; index++)
        {
            packed[index / 2] |= (byte)(numbers[index] << (4 * (index % 2)));
        }

        return new Tensor(DataType.UInt4, dims, new MemoryData(packed));
    }

    /// <summary>From [N, blocks] to [blocks, N].</summary>
    private T[] Transposed<T>(ReadOnlySpan<T> numbers)
    {
        var (result, blocks) = (new T[numbers.Length], format.Blocks(matrix.K));
        for (var place = 0; place < numbers.Length; place++)
        {
            result[(place % blocks * matrix.N) + (place / blocks)] = numbers[place];
        }

        return result;
    }

    private void Write(TensorData source, Span<byte> destination)
    {
        using var view = source.View();
        var flip = format.IsSymmetric ? format.MiddleCode : 0; // Turns the offset code into the two's complement.
        var bytes = format.Blocks(matrix.K) * format.BlockBytes;
        destination.Clear();
        fixed (byte* start = destination)
        {
            var target = start; // A lambda cannot capture a fixed variable.
            ParallelWork.For((matrix.K + Strip - 1) / Strip, threads, strip =>
            {
                var (first, last) = (strip * Strip, Math.Min(matrix.K, (strip + 1) * Strip));
                for (var column = 0; column < matrix.N; column++)
                {
                    var codes = view.Slice(((long)column * bytes) + (first * format.Bits / 8), (((last - first) * format.Bits) + 7) / 8);
                    for (var row = first; row < last; row++)
                    {
                        var place = ((long)row * matrix.N) + column;
                        if (format.Bits == 8)
                        {
                            target[place] = (byte)(codes[row - first] ^ flip);
                        }
                        else
                        {
                            var code = ((codes[(row - first) / 2] >> (4 * (row % 2))) & 0xF) ^ flip;
                            target[place / 2] |= (byte)(code << (int)(4 * (place % 2)));
                        }
                    }
                }
            });
        }
    }
}
