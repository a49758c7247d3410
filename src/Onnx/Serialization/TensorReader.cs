using System.Buffers.Binary;
using System.Globalization;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Serialization;

/// <summary>Reads TensorProto messages: raw bytes stay where they are, typed fields become raw bytes, external data is looked up safely.</summary>
internal sealed class TensorReader(Func<long, int, TensorData> slice, string? modelPath, LoadOptions options, Action<IDisposable> own)
{
    /// <summary>Tensors up to this size are copied: shapes and scalars are read often and are not worth a mapping.</summary>
    private const int CopyLimit = 4096;

    private readonly Dictionary<string, MappedFile?> _files = [];

    public Tensor Read(ProtoReader reader, out ReadOnlyMemory<byte> unknown)
    {
        unknown = default;
        var dims = new List<long>();
        var type = DataType.Undefined;
        string name = "", doc = "";
        TensorData? raw = null;
        List<long>? integers = null;
        MemoryStream? fixedBytes = null;
        List<ReadOnlyMemory<byte>>? strings = null;
        List<KeyValuePair<string, string>> external = [], metadata = [];
        var isExternal = false;
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
                case 4 or 10:
                    reader.FixedBytes(fixedBytes ??= new MemoryStream());
                    break;
                case 5 or 7 or 11:
                    reader.Int64s(integers ??= []);
                    break;
                case 6:
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
                    external.Add(ModelReader.ReadPair(reader.Message()));
                    break;
                case 14:
                    isExternal = reader.Int64() == 1;
                    break;
                case 16:
                    metadata.Add(ModelReader.ReadPair(reader.Message()));
                    break;
                default:
                    reader.Keep(ref unknown);
                    break;
            }
        }

        if (type == DataType.String && !isExternal)
        {
            return Checked(name, () => new Tensor(dims, strings ?? []) { Name = name, DocString = doc, Metadata = metadata });
        }

        if (type.BitSize() == 0)
        {
            throw new CompressToolException(OnnxErrors.Unsupported, $"the tensor '{name}' has the unknown element type {(int)type}");
        }

        return Checked(name, () =>
        {
            var length = type.ByteSize(dims.Aggregate(1L, (product, dim) => checked(product * dim)));
            var data = isExternal ? ReadExternal(name, external, length)
                : raw ?? (integers is not null ? new MemoryData(Pack(type, integers))
                : type == DataType.UInt64 || fixedBytes is null ? new MemoryData(default) : new MemoryData(fixedBytes.ToArray()));
            return new Tensor(type, dims, data) { Name = name, DocString = doc, Metadata = metadata };
        });
    }

    private static Tensor Checked(string name, Func<Tensor> create)
    {
        try
        {
            return create();
        }
        catch (Exception e) when (e is ArgumentException or OverflowException)
        {
            throw new CompressToolException(OnnxErrors.InvalidFile, $"the tensor '{name}' is damaged: {e.Message}", inner: e);
        }
    }

    /// <summary>The typed field int32_data holds one element per number (two 4-bit or four 2-bit ones); float16 as its bits.</summary>
    private static byte[] Pack(DataType type, List<long> numbers)
    {
        var size = Math.Max(1, type.BitSize() / 8);
        var bytes = new byte[numbers.Count * size];
        for (var i = 0; i < numbers.Count; i++)
        {
            var target = bytes.AsSpan(i * size, size);
            switch (size)
            {
                case 1:
                    target[0] = unchecked((byte)numbers[i]);
                    break;
                case 2:
                    BinaryPrimitives.WriteUInt16LittleEndian(target, unchecked((ushort)numbers[i]));
                    break;
                case 4:
                    BinaryPrimitives.WriteUInt32LittleEndian(target, unchecked((uint)numbers[i]));
                    break;
                default:
                    BinaryPrimitives.WriteInt64LittleEndian(target, numbers[i]);
                    break;
            }
        }

        return bytes;
    }

    private TensorData ReadExternal(string name, List<KeyValuePair<string, string>> entries, long length)
    {
        string? Entry(string key) => entries.FirstOrDefault(entry => entry.Key == key).Value;
        long Number(string key, long missing) => Entry(key) is not { } text ? missing
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new CompressToolException(OnnxErrors.InvalidFile, $"the tensor '{name}' has the invalid external data {key} '{text}'");

        var location = Entry("location");
        if (string.IsNullOrEmpty(location))
        {
            throw new CompressToolException(OnnxErrors.InvalidFile, $"the tensor '{name}' says that it is stored in another file, but not in which");
        }

        if (modelPath is null)
        {
            throw new CompressToolException(OnnxErrors.ExternalDataMissing, $"the tensor '{name}' is stored in '{location}', but the model was not loaded from a folder");
        }

        var path = ExternalDataPath.Resolve(modelPath, location, name);
        var offset = Number("offset", 0);
        if (Number("length", length) != length)
        {
            throw new CompressToolException(OnnxErrors.InvalidFile, $"the tensor '{name}' has {length} bytes, but {Entry("length")} in '{location}'");
        }

        if (!_files.TryGetValue(path, out var file))
        {
            file = options.AllowMissingWeights && !File.Exists(path) ? null : Open(path, location);
            _files.Add(path, file);
        }

        if (file is null)
        {
            return new MissingData(path, length);
        }

        return offset <= file.Length - length ? new FileData(file, offset, length)
            : throw new CompressToolException(OnnxErrors.ExternalDataMissing,
                $"the weight file '{path}' has {file.Length} bytes, but the tensor '{name}' ends at byte {offset + length}; it was not copied completely");
    }

    private MappedFile Open(string path, string location)
    {
        try
        {
            var file = MappedFile.Open(path);
            own(file);
            return file;
        }
        catch (CompressToolException e) when (e.Code == OnnxErrors.FileNotFound)
        {
            throw new CompressToolException(OnnxErrors.ExternalDataMissing,
                $"the model stores weights in '{location}', but '{path}' does not exist; copy it beside the model", inner: e);
        }
    }
}
