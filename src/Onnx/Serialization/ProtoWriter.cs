using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace CompressTool.Onnx.Serialization;

/// <summary>
/// Writes one protobuf message as a chain of small buffers and references to tensor bytes, so that lengths are known
/// before anything large is read or computed.
/// </summary>
internal sealed class ProtoWriter
{
    private readonly List<TensorData> _parts = [];
    private ArrayBufferWriter<byte> _buffer = new();

    /// <summary>Bytes so far.</summary>
    public long Length { get; private set; }

    /// <summary>The message in pieces, in order.</summary>
    public IEnumerable<TensorData> Parts => _buffer.WrittenCount == 0 ? _parts : _parts.Append(new MemoryData(_buffer.WrittenMemory));

    /// <summary>An int64, int32 or enum field.</summary>
    public void Int64(int field, long value)
    {
        Tag(field, WireType.Varint);
        Varint((ulong)value);
    }

    /// <summary>A float field.</summary>
    public void Float(int field, float value)
    {
        Tag(field, WireType.Fixed32);
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        Raw(bytes);
    }

    /// <summary>A string field; left out when empty.</summary>
    public void String(int field, string value)
    {
        if (value.Length > 0)
        {
            Bytes(field, Encoding.UTF8.GetBytes(value));
        }
    }

    /// <summary>An element of a repeated string field, which may be empty.</summary>
    public void StringElement(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    /// <summary>A bytes field.</summary>
    public void Bytes(int field, ReadOnlySpan<byte> value)
    {
        Tag(field, WireType.Bytes);
        Varint((ulong)value.Length);
        Raw(value);
    }

    /// <summary>A bytes field whose content is read when the message is written out.</summary>
    public void Bytes(int field, TensorData data)
    {
        Tag(field, WireType.Bytes);
        Varint((ulong)data.Length);
        Append(data);
    }

    /// <summary>A message field.</summary>
    public void Message(int field, Action<ProtoWriter> write)
    {
        var inner = new ProtoWriter();
        write(inner);
        Tag(field, WireType.Bytes);
        Varint((ulong)inner.Length);
        foreach (var part in inner.Parts)
        {
            Append(part);
        }
    }

    /// <summary>Encoded fields, as they were read.</summary>
    public void Raw(ReadOnlySpan<byte> bytes)
    {
        _buffer.Write(bytes);
        Length += bytes.Length;
    }

    private void Append(TensorData data)
    {
        if (data is MemoryData { Length: < 64 * 1024 } small)
        {
            Raw(small.Memory.Span);
            return;
        }

        if (_buffer.WrittenCount > 0)
        {
            _parts.Add(new MemoryData(_buffer.WrittenMemory));
            _buffer = new ArrayBufferWriter<byte>();
        }

        _parts.Add(data);
        Length += data.Length;
    }

    private void Tag(int field, WireType type) => Varint(((ulong)field << 3) | (uint)type);

    private void Varint(ulong value)
    {
        Span<byte> bytes = stackalloc byte[10];
        var count = 0;
        while (value >= 0x80)
        {
            bytes[count++] = (byte)(value | 0x80);
            value >>= 7;
        }

        bytes[count++] = (byte)value;
        Raw(bytes[..count]);
    }
}
