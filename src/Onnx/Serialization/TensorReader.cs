using System.Buffers.Binary;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Serialization;

/// <summary>Reads TensorProto messages: raw bytes stay where they are, typed fields become raw bytes, external data is looked up.</summary>
/// <param name="slice">The bytes at an offset of the model file.</param>
/// <param name="external">Looks up data in other files; null when the model is in memory.</param>
internal sealed class TensorReader(Func<long, int, TensorData> slice, ExternalData? external)
{
    /// <summary>Tensors up to this size are copied: shapes and scalars are read often and are not worth a mapping.</summary>
    private const int CopyLimit = 4096;

    public Tensor Read(ProtoReader reader)
    {
        var dims = new List<long>();
        var type = DataType.Undefined;
        string name = "", doc = "";
        TensorData? raw = null;
        List<long>? numbers = null;
        List<byte>? fixedBytes = null, unknown = null;
        List<ReadOnlyMemory<byte>>? strings = null;
        List<KeyValuePair<string, string>> entries = [], metadata = [];
        var isExternal = false;
        var typedField = 0;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.Int64s(dims);
                    break;
                case 2:
                    type = (DataType)reader.Int64();
                    break;
                case 3:
                    throw new CompressToolException(OnnxErrors.Unsupported, $"the tensor '{name}' is stored in segments, which no exporter writes any more");
                case 4 or 10:
                    typedField = reader.Field;
                    reader.FixedBytes(fixedBytes ??= [], typedField == 4 ? WireType.Fixed32 : WireType.Fixed64);
                    break;
                case 5 or 7 or 11:
                    typedField = reader.Field;
                    reader.Int64s(numbers ??= []);
                    break;
                case 6:
                    typedField = reader.Field;
                    (strings ??= []).Add(reader.Bytes().ToArray());
                    break;
                case 8:
                    name = reader.String();
                    break;
                case 9:
                    var bytes = reader.Bytes(out var offset);
                    raw = bytes.Length <= CopyLimit ? new MemoryData(bytes.ToArray()) : slice(offset, bytes.Length);
                    break;
                case 12:
                    doc = reader.String();
                    break;
                case 13:
                    entries.Add(reader.Pair());
                    break;
                case 14:
                    isExternal = reader.Int64() == 1;
                    break;
                case 16:
                    metadata.Add(reader.Pair());
                    break;
                default:
                    reader.Keep(ref unknown);
                    break;
            }
        }

        if (type.BitSize() == 0 && type != DataType.String)
        {
            throw new CompressToolException(OnnxErrors.Unsupported, $"the tensor '{name}' has the unknown element type {(int)type}");
        }

        if (raw is null && !isExternal && typedField != 0 && typedField != TypedField(type))
        {
            throw new ProtoException($"the elements of its {type.DisplayName()} tensor '{name}' are in a field for another type");
        }

        try
        {
            if (type == DataType.String)
            {
                return new Tensor(dims, strings ?? []) { Name = name, DocString = doc, Metadata = metadata, UnknownFields = unknown?.ToArray() };
            }

            var length = ByteSize(type, dims);
            var data = isExternal ? ReadExternal(name, entries, length)
                : raw ?? new MemoryData(numbers is not null ? Pack(type, numbers) : fixedBytes?.ToArray());
            return new Tensor(type, dims, data) { Name = name, DocString = doc, Metadata = metadata, UnknownFields = unknown?.ToArray() };
        }
        catch (Exception e) when (e is ArgumentException or OverflowException)
        {
            throw new ProtoException($"its tensor '{name}' is damaged ({e.Message})");
        }
    }

    public SparseTensor ReadSparse(ProtoReader reader)
    {
        Tensor? values = null, indices = null;
        var dims = new List<long>();
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    values = Read(reader.Message());
                    break;
                case 2:
                    indices = Read(reader.Message());
                    break;
                case 3:
                    reader.Int64s(dims);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return values is not null && indices is not null ? new SparseTensor(values, indices, dims)
            : throw new ProtoException("one of its sparse tensors has no values or no indices");
    }

    private static long ByteSize(DataType type, List<long> dims)
    {
        long count = 1;
        foreach (var dim in dims)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(dim);
            count = checked(count * dim);
        }

        return type.ByteSize(count);
    }

    /// <summary>The field for elements of a type when they are not raw bytes.</summary>
    private static int TypedField(DataType type) => type switch
    {
        DataType.Float or DataType.Complex64 => 4,
        DataType.Double or DataType.Complex128 => 10,
        DataType.Int64 => 7,
        DataType.UInt32 or DataType.UInt64 => 11,
        DataType.String => 6,
        _ => 5,
    };

    /// <summary>One number holds one element, of 16-bit floats the bits; of the smaller types as many elements as a byte.</summary>
    private static byte[] Pack(DataType type, List<long> numbers)
    {
        var size = Math.Max(1, type.BitSize() / 8);
        var bytes = new byte[checked(numbers.Count * size)];
        Span<byte> buffer = stackalloc byte[sizeof(long)];
        for (var i = 0; i < numbers.Count; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(buffer, numbers[i]);
            buffer[..size].CopyTo(bytes.AsSpan(i * size));
        }

        return bytes;
    }

    private TensorData ReadExternal(string name, List<KeyValuePair<string, string>> entries, long length) => external?.Find(name, entries, length)
        ?? throw new CompressToolException(OnnxErrors.ExternalDataMissing, $"the tensor '{name}' is stored in another file, but the model was not loaded from a folder");
}
