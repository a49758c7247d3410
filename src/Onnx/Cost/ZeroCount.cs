using System.Runtime.InteropServices;

namespace CompressTool.Onnx.Cost;

/// <summary>Counts zeros in a weight as its bytes go by.</summary>
internal static class ZeroCount
{
    /// <summary>Null for weights that are packed in less than a byte per element.</summary>
    public static WeightSparsity? Of(Weight weight, CancellationToken cancellationToken)
    {
        var tensor = weight.Value.Initializer!;
        if (tensor.Type.BitSize() < 8 || WeightUses.Packed(weight.Value) is not null)
        {
            return null;
        }

        var zeroPoints = WeightUses.IsFloat(tensor.Type) ? null : ZeroPoints(weight.Value, tensor);
        using var counter = new Counter(tensor.Type, zeroPoints);
        tensor.Data.CopyTo(counter, cancellationToken);
        return new WeightSparsity(weight.Value, tensor.Count, counter.Zeros);
    }

    /// <summary>The zero point of the quantized elements: one for all, or one for each index along an axis. Null for zero.</summary>
    private static (long[] Values, long Inner)? ZeroPoints(Value value, Tensor tensor)
    {
        if (WeightUses.FindQuantizedUse(value) is not { } use)
        {
            return null;
        }

        // Which input has the zero points, and along which axis of the weight they run.
        var (input, axis) = (use.Node.OpType, use.Index) switch
        {
            ("DequantizeLinear", _) => (2, use.Node.GetInt("axis", 1)),
            ("QLinearConv", 3) => (5, 0),
            ("ConvInteger", _) => (3, 0),
            ("QLinearMatMul" or "QGemm", 3) => (5, -1),
            ("QLinearMatMul" or "QGemm" or "QLinearAdd" or "QLinearMul", 0) => (2, -1),
            ("QLinearAdd" or "QLinearMul", 3) => (5, -1),
            ("MatMulInteger", 0) => (2, -2),
            ("MatMulInteger", _) => (3, -1),
            ("MatMulIntegerToFloat", _) => (5, -1),
            ("DynamicQuantizeMatMul", _) => (3, -1),
            ("QAttention", _) => (7, -1),
            _ => (-1, 0L),
        };
        if (input < 0 || use.Node.Input(input)?.ConstantTensor is not { Type: not DataType.Undefined } points || WeightUses.IsFloat(points.Type) || points.Type.BitSize() < 8)
        {
            return null;
        }

        var values = points.ToInt64s();
        var along = (int)(axis < 0 ? axis + tensor.Dims.Count : axis);
        return values.Length == 1 ? (values, 1)
            : use.Node.Input(use.Index) == value && along < tensor.Dims.Count && along >= 0 && tensor.Dims[along] == values.Length ? (values, tensor.Dims.Skip(along + 1).Aggregate(1L, (product, dim) => product * dim))
            : null;
    }

    /// <summary>A stream that keeps nothing but the count.</summary>
    private sealed class Counter(DataType type, (long[] Values, long Inner)? zeroPoints) : Stream
    {
        private readonly int _size = type.BitSize() / 8;
        private readonly byte[] _rest = new byte[16];
        private int _restLength;
        private long _position;

        public long Zeros { get; private set; }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            // Pieces may end inside an element.
            while (_restLength > 0 && !buffer.IsEmpty)
            {
                _rest[_restLength++] = buffer[0];
                buffer = buffer[1..];
                if (_restLength == _size)
                {
                    _restLength = 0;
                    Count(_rest.AsSpan(0, _size));
                }
            }

            var whole = buffer.Length / _size * _size;
            Count(buffer[..whole]);
            buffer[whole..].CopyTo(_rest.AsSpan(_restLength));
            _restLength += buffer.Length - whole;
        }

        private void Count(ReadOnlySpan<byte> elements)
        {
            if (zeroPoints is { } points)
            {
                for (var offset = 0; offset < elements.Length; offset += _size, _position++)
                {
                    Zeros += Integer(elements.Slice(offset, _size)) == points.Values[points.Values.Length == 1 ? 0 : _position / points.Inner % points.Values.Length] ? 1 : 0;
                }

                return;
            }

            // Floating-point numbers have a negative zero too: only the sign bit set.
            var hasSign = WeightUses.IsFloat(type) && type is not (DataType.Float8E4M3FNUZ or DataType.Float8E5M2FNUZ or DataType.Complex64 or DataType.Complex128);
            Zeros += _size switch
            {
                1 => elements.Count((byte)0) + (hasSign ? elements.Count((byte)0x80) : 0),
                2 => Count<ushort>(elements, 0, 0x8000, hasSign),
                4 => Count<uint>(elements, 0, 0x8000_0000, hasSign),
                8 => Count<ulong>(elements, 0, 0x8000_0000_0000_0000, hasSign),
                _ => Count<UInt128>(elements, 0, 0, false),
            };
        }

        private static int Count<T>(ReadOnlySpan<byte> elements, T zero, T negativeZero, bool hasSign)
            where T : unmanaged, IEquatable<T>
        {
            var numbers = MemoryMarshal.Cast<byte, T>(elements);
            return numbers.Count(zero) + (hasSign ? numbers.Count(negativeZero) : 0);
        }

        private long Integer(ReadOnlySpan<byte> element) => type switch
        {
            DataType.Int8 => (sbyte)element[0],
            DataType.UInt8 => element[0],
            DataType.Int16 => MemoryMarshal.Read<short>(element),
            DataType.UInt16 => MemoryMarshal.Read<ushort>(element),
            DataType.Int32 => MemoryMarshal.Read<int>(element),
            _ => long.MinValue,
        };
    }
}
