using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace CompressTool.Onnx;

/// <summary>The header of a safetensors file: JSON with name, element type, shape and place of each tensor.</summary>
internal static class SafetensorsHeader
{
    private const string MetadataName = "__metadata__";

    /// <summary>One tensor; <paramref name="Begin"/> counts from the end of the header.</summary>
    public sealed record Entry(string Name, DataType Type, long[] Dims, long Begin, long Length);

    /// <summary>Reads the header, in the order of the data, and checks that the tensors cover the data exactly.</summary>
    /// <exception cref="FormatException">It is damaged.</exception>
    /// <exception cref="NotSupportedException">It has an unknown element type.</exception>
    public static (IReadOnlyList<Entry> Entries, IReadOnlyDictionary<string, string> Metadata) Parse(ReadOnlySpan<byte> header, long dataLength)
    {
        var entries = new List<Entry>();
        OrderedDictionary<string, string>? metadata = null;
        var names = new HashSet<string>();
        try
        {
            var reader = new Utf8JsonReader(header, new JsonReaderOptions { MaxDepth = 4 });
            Expect(ref reader, JsonTokenType.StartObject);
            while (NextName(ref reader) is { } name)
            {
                if (!names.Add(name))
                {
                    throw new FormatException($"it has '{name}' twice");
                }

                if (name == MetadataName)
                {
                    metadata = ReadMetadata(ref reader);
                }
                else
                {
                    entries.Add(ReadEntry(ref reader, name));
                }
            }

            // Only white space may follow: it pads the header.
            reader.Read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException($"its header is damaged ({e.Message})", e);
        }

        entries.Sort((a, b) => (a.Begin, a.Begin + a.Length).CompareTo((b.Begin, b.Begin + b.Length)));
        long end = 0;
        foreach (var entry in entries)
        {
            if (entry.Begin != end)
            {
                throw new FormatException($"its tensor '{entry.Name}' starts at byte {entry.Begin}, but the one before ends at {end}");
            }

            end += entry.Length;
            if (end > dataLength)
            {
                throw new FormatException($"it ends inside its tensor '{entry.Name}'");
            }
        }

        return end == dataLength ? (entries, metadata ?? []) : throw new FormatException($"{dataLength - end} bytes of it belong to no tensor");
    }

    /// <summary>Encodes the header of tensors that follow one another in the given order; padded with spaces to 8 bytes.</summary>
    /// <exception cref="FormatException">The format has no such element type, or a name is given twice.</exception>
    public static byte[] Encode(IReadOnlyList<KeyValuePair<string, Tensor>> tensors, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        var names = new HashSet<string> { MetadataName };
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true }))
        {
            writer.WriteStartObject();
            var pairs = new OrderedDictionary<string, string>(metadata);
            if (pairs.Count > 0)
            {
                writer.WriteStartObject(MetadataName);
                foreach (var (key, value) in pairs)
                {
                    writer.WriteString(key, value);
                }

                writer.WriteEndObject();
            }

            long offset = 0;
            foreach (var (name, tensor) in tensors)
            {
                if (!names.Add(name))
                {
                    throw new FormatException($"the name '{name}' {(name == MetadataName ? "is not allowed for a tensor" : "is given to two tensors")}");
                }

                writer.WriteStartObject(name);
                writer.WriteString("dtype", TypeName(tensor.Type) ?? throw new FormatException($"the safetensors format has no {tensor.Type.DisplayName()}, the type of '{name}'"));
                writer.WriteStartArray("shape");
                foreach (var dim in tensor.Dims)
                {
                    writer.WriteNumberValue(dim);
                }

                writer.WriteEndArray();
                writer.WriteStartArray("data_offsets");
                writer.WriteNumberValue(offset);
                writer.WriteNumberValue(offset += tensor.ByteLength);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        var header = new byte[(buffer.WrittenCount + 7) / 8 * 8];
        header.AsSpan().Fill((byte)' ');
        buffer.WrittenSpan.CopyTo(header);
        return header;
    }

    private static Entry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        DataType? type = null;
        long[]? dims = null, offsets = null;
        Expect(ref reader, JsonTokenType.StartObject);
        while (NextName(ref reader) is { } key)
        {
            switch (key)
            {
                case "dtype" when type is null:
                    reader.Read();
                    type = Type(reader.GetString() ?? "", name);
                    break;
                case "shape" when dims is null:
                    dims = Numbers(ref reader);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = Numbers(ref reader);
                    break;
                default:
                    throw new FormatException($"its tensor '{name}' has an unexpected '{key}'");
            }
        }

        if (type is null || dims is null || offsets is not [var begin, var end])
        {
            throw new FormatException($"its tensor '{name}' has no type, shape or place");
        }

        var length = type.Value.ByteSize(dims.Aggregate(1L, (product, dim) => checked(product * dim)));
        return end - begin == length ? new Entry(name, type.Value, dims, begin, length)
            : throw new FormatException($"its tensor '{name}', {type.Value.DisplayName()}[{string.Join(',', dims)}], takes {length} bytes, not {end - begin}");
    }

    private static OrderedDictionary<string, string> ReadMetadata(ref Utf8JsonReader reader)
    {
        var metadata = new OrderedDictionary<string, string>();
        Expect(ref reader, JsonTokenType.StartObject);
        while (NextName(ref reader) is { } key)
        {
            Expect(ref reader, JsonTokenType.String);
            if (!metadata.TryAdd(key, reader.GetString()!))
            {
                throw new FormatException($"its metadata has '{key}' twice");
            }
        }

        return metadata;
    }

    private static string? NextName(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.PropertyName ? reader.GetString() : null;
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType type)
    {
        if (!reader.Read() || reader.TokenType != type)
        {
            throw new FormatException("its header is damaged");
        }
    }

    private static long[] Numbers(ref Utf8JsonReader reader)
    {
        var numbers = new List<long>();
        Expect(ref reader, JsonTokenType.StartArray);
        while (reader.Read() && reader.TokenType == JsonTokenType.Number)
        {
            numbers.Add(reader.TryGetInt64(out var number) && number >= 0 ? number : throw new FormatException("its header has an impossible number"));
        }

        return reader.TokenType == JsonTokenType.EndArray ? [.. numbers] : throw new FormatException("its header is damaged");
    }

    private static DataType Type(string text, string name) => text switch
    {
        "BOOL" => DataType.Bool,
        "U8" => DataType.UInt8,
        "I8" => DataType.Int8,
        "U16" => DataType.UInt16,
        "I16" => DataType.Int16,
        "U32" => DataType.UInt32,
        "I32" => DataType.Int32,
        "U64" => DataType.UInt64,
        "I64" => DataType.Int64,
        "F4" => DataType.Float4E2M1,
        "F8_E4M3" => DataType.Float8E4M3FN,
        "F8_E5M2" => DataType.Float8E5M2,
        "F8_E8M0" => DataType.Float8E8M0,
        "F16" => DataType.Float16,
        "BF16" => DataType.BFloat16,
        "F32" => DataType.Float,
        "F64" => DataType.Double,
        "C64" => DataType.Complex64,
        _ => throw new NotSupportedException($"its tensor '{name}' has the unknown element type '{text}'"),
    };

    private static string? TypeName(DataType type) => type switch
    {
        DataType.Bool => "BOOL",
        DataType.UInt8 => "U8",
        DataType.Int8 => "I8",
        DataType.UInt16 => "U16",
        DataType.Int16 => "I16",
        DataType.UInt32 => "U32",
        DataType.Int32 => "I32",
        DataType.UInt64 => "U64",
        DataType.Int64 => "I64",
        DataType.Float4E2M1 => "F4",
        DataType.Float8E4M3FN => "F8_E4M3",
        DataType.Float8E5M2 => "F8_E5M2",
        DataType.Float8E8M0 => "F8_E8M0",
        DataType.Float16 => "F16",
        DataType.BFloat16 => "BF16",
        DataType.Float => "F32",
        DataType.Double => "F64",
        DataType.Complex64 => "C64",
        _ => null,
    };
}
