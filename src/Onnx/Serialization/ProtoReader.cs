using System.Buffers.Binary;
using System.Text;

namespace CompressTool.Onnx.Serialization;

/// <summary>Wire types of the protobuf encoding.</summary>
internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// <summary>The bytes are not a valid protobuf message, or not one of the expected kind.</summary>
internal sealed class ProtoException(string message) : Exception(message);

/// <summary>
/// Reads one protobuf message in place. Unlike a generated parser it can say where in the file a bytes field is, which is
/// what lets weights stay there (see benchmarks/README.md for what that saves).
/// </summary>
/// <param name="data">The message.</param>
/// <param name="origin">Where the message starts in the file.</param>
internal ref struct ProtoReader(ReadOnlySpan<byte> data, long origin)
{
    private const int MaxField = (1 << 29) - 1;

    private readonly ReadOnlySpan<byte> _data = data;
    private readonly long _origin = origin;
    private int _position;
    private int _fieldStart;
    private WireType _wireType;

    /// <summary>What has not been read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => _data[_position..];

    /// <summary>The number of the current field.</summary>
    public int Field { get; private set; }

    /// <summary>Moves to the next field; false at the end of the message.</summary>
    public bool Next()
    {
        if (_position >= _data.Length)
        {
            return false;
        }

        _fieldStart = _position;
        var tag = ReadVarint();
        Field = (int)Math.Min(tag >> 3, int.MaxValue);
        _wireType = (WireType)(tag & 7);
        return Field is > 0 and <= MaxField && _wireType is WireType.Varint or WireType.Fixed64 or WireType.Bytes or WireType.Fixed32
            ? true : throw new ProtoException("it is not a protobuf message");
    }

    /// <summary>An int64, int32 or enum field.</summary>
    public long Int64()
    {
        Expect(WireType.Varint);
        return (long)ReadVarint();
    }

    /// <summary>A string field.</summary>
    public string String() => Encoding.UTF8.GetString(Bytes());

    /// <summary>A bytes field.</summary>
    public ReadOnlySpan<byte> Bytes() => Bytes(out _);

    /// <summary>A bytes field, and where it is in the file.</summary>
    public ReadOnlySpan<byte> Bytes(out long offset)
    {
        Expect(WireType.Bytes);
        var length = ReadVarint();
        if (length > (ulong)(_data.Length - _position))
        {
            throw new ProtoException("it ends too early");
        }

        offset = _origin + _position;
        var bytes = _data.Slice(_position, (int)length);
        _position += (int)length;
        return bytes;
    }

    /// <summary>A message field.</summary>
    public ProtoReader Message()
    {
        var bytes = Bytes(out var offset);
        return new ProtoReader(bytes, offset);
    }

    /// <summary>A StringStringEntryProto field.</summary>
    public KeyValuePair<string, string> Pair()
    {
        string key = "", value = "";
        var pair = Message();
        while (pair.Next())
        {
            switch (pair.Field)
            {
                case 1:
                    key = pair.String();
                    break;
                case 2:
                    value = pair.String();
                    break;
                default:
                    pair.Skip();
                    break;
            }
        }

        return new KeyValuePair<string, string>(key, value);
    }

    /// <summary>A float field.</summary>
    public float Float()
    {
        Expect(WireType.Fixed32);
        return BinaryPrimitives.ReadSingleLittleEndian(Take(4));
    }

    /// <summary>A repeated int64 or int32 field: appends one element, or all of a packed run.</summary>
    public void Int64s(List<long> result)
    {
        if (_wireType == WireType.Varint)
        {
            result.Add(Int64());
            return;
        }

        var packed = Message();
        while (packed._position < packed._data.Length)
        {
            result.Add((long)packed.ReadVarint());
        }
    }

    /// <summary>A repeated float or double field: appends the bytes of one element, or of all of a packed run.</summary>
    public void FixedBytes(List<byte> result, WireType element)
    {
        if (_wireType == element)
        {
            result.AddRange(Take(element == WireType.Fixed32 ? 4 : 8));
            return;
        }

        var packed = Bytes();
        if (packed.Length % (element == WireType.Fixed32 ? 4 : 8) != 0)
        {
            throw new ProtoException("it ends too early");
        }

        result.AddRange(packed);
    }

    /// <summary>Passes over the current field and appends it, tag and all, to what is kept unread.</summary>
    public void Keep(ref List<byte>? unknown)
    {
        Skip();
        (unknown ??= []).AddRange(_data[_fieldStart.._position]);
    }

    /// <summary>Passes over the current field.</summary>
    public void Skip()
    {
        switch (_wireType)
        {
            case WireType.Varint:
                ReadVarint();
                break;
            case WireType.Fixed64:
                Take(8);
                break;
            case WireType.Fixed32:
                Take(4);
                break;
            default:
                Bytes();
                break;
        }
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _data.Length - _position)
        {
            throw new ProtoException("it ends too early");
        }

        _position += count;
        return _data.Slice(_position - count, count);
    }

    private ulong ReadVarint()
    {
        ulong result = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (_position >= _data.Length)
            {
                throw new ProtoException("it ends too early");
            }

            var part = _data[_position++];
            result |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return result;
            }
        }

        throw new ProtoException("it is not a protobuf message");
    }

    private readonly void Expect(WireType type)
    {
        if (_wireType != type)
        {
            throw new ProtoException($"field {Field} is encoded as {_wireType} instead of {type}");
        }
    }
}
