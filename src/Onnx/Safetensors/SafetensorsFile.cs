using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Serialization;

namespace CompressTool.Onnx;

/// <summary>
/// A .safetensors file: named tensors that stay in the file until they are read. Dispose it to close the file; its tensors
/// cannot be read any more then.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    /// <summary>The format's own limit.</summary>
    private const long MaxHeader = 100_000_000;

    private readonly MappedFile _file;
    private readonly Dictionary<string, Tensor> _tensors;

    private SafetensorsFile(MappedFile file, IReadOnlyList<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        _file = file;
        _tensors = new Dictionary<string, Tensor>(tensors);
        Names = [.. tensors.Select(tensor => tensor.Key)];
        Metadata = metadata;
    }

    /// <summary>Full path.</summary>
    public string Path => _file.Path;

    /// <summary>The names of the tensors, in the order of their data.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Free key-value pairs (<c>__metadata__</c>), in the file's order.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>A tensor; its data is a <see cref="FileData"/>.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public Tensor this[string name] => _tensors[name];

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="CompressToolException">The file is missing, damaged, or has element types that are not supported.</exception>
    public static SafetensorsFile Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            var header = ReadHeader(file);
            var data = sizeof(ulong) + (long)header.Length;
            var (entries, metadata) = SafetensorsHeader.Parse(header, file.Length - data);
            return new SafetensorsFile(file, [.. entries.Select(entry => KeyValuePair.Create(entry.Name,
                new Tensor(entry.Type, entry.Dims, new FileData(file, data + entry.Begin, entry.Length)) { Name = entry.Name }))], metadata);
        }
        catch (Exception e)
        {
            var hint = GitLfs.Hint(file);
            file.Dispose();
            switch (e)
            {
                case FormatException or OverflowException:
                    throw new CompressToolException(OnnxErrors.InvalidFile, $"'{file.Path}' is not a valid safetensors file: {e.Message}{hint}", inner: e);
                case NotSupportedException:
                    throw new CompressToolException(OnnxErrors.Unsupported, $"'{file.Path}' cannot be used: {e.Message}", inner: e);
                default:
                    throw;
            }
        }
    }

    /// <summary>
    /// Writes tensors, those of larger elements first and then by name, so that all are aligned and the same tensors give
    /// the same bytes. They are streamed; the file appears complete or not at all.
    /// </summary>
    /// <param name="path">The file; replaced when it exists.</param>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="metadata">Free key-value pairs, written in this order; null for none.</param>
    /// <param name="cancellationToken">Ends the writing; nothing is left of the file then.</param>
    /// <exception cref="CompressToolException">The format has no such element type, a name is given twice, or the file cannot be written.</exception>
    public static SavedFile Write(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IEnumerable<KeyValuePair<string, string>>? metadata = null, CancellationToken cancellationToken = default)
    {
        var full = FilePath.Full(path);
        var sorted = tensors.OrderByDescending(tensor => tensor.Value.Type.BitSize()).ThenBy(tensor => tensor.Key, StringComparer.Ordinal).ToList();
        byte[] header;
        try
        {
            header = SafetensorsHeader.Encode(sorted, metadata ?? []);
        }
        catch (FormatException e)
        {
            throw new CompressToolException(OnnxErrors.Unsupported, $"'{full}' cannot be written: {e.Message}", inner: e);
        }

        using var files = new AtomicFiles();
        var saved = files.Write(full, sizeof(ulong) + header.Length + sorted.Sum(tensor => tensor.Value.ByteLength), stream =>
        {
            Span<byte> length = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach (var (_, tensor) in sorted)
            {
                tensor.Data.CopyTo(stream, cancellationToken);
            }
        });
        files.Commit();
        return saved;
    }

    /// <summary>A tensor by name.</summary>
    public bool TryGet(string name, [MaybeNullWhen(false)] out Tensor tensor) => _tensors.TryGetValue(name, out tensor);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static byte[] ReadHeader(MappedFile file)
    {
        Span<byte> start = stackalloc byte[sizeof(ulong)];
        if (file.Length < start.Length)
        {
            throw new FormatException(file.Length == 0 ? "it is empty" : "it ends too early");
        }

        file.Read(0, start);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(start);
        if (length > MaxHeader)
        {
            throw new FormatException($"its header would be {length} bytes long; the format allows {MaxHeader}");
        }

        if ((long)length > file.Length - start.Length)
        {
            throw new FormatException("it ends inside its header");
        }

        var header = new byte[length];
        file.Read(start.Length, header);
        return header;
    }
}
