using System.Buffers.Binary;
using System.Text;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Serialization;

namespace CompressTool.Onnx;

/// <summary>Reads and writes NumPy's .npy files: one array each.</summary>
public static class NpyFile
{
    /// <summary>NumPy's own headers are far shorter; a longer one is no .npy file.</summary>
    private const int MaxHeader = 1 << 20;

    /// <summary>Larger arrays stay in the file, which then remains open as long as the tensor lives.</summary>
    private const long MemoryLimit = 64 << 20;

    /// <summary>NumPy aligns the data to this, and leaves room for the first dimension to grow to this many digits.</summary>
    private const int Alignment = 64;
    private const int GrowthDigits = 21;

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Reads an array of numbers, booleans or complex numbers; one in Fortran order is brought into C order.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="CompressToolException">The file is missing, damaged, or has elements that are not numbers or are big-endian.</exception>
    public static Tensor Read(string path)
    {
        var file = MappedFile.Open(path);
        var keepOpen = false;
        try
        {
            var (header, start) = ReadHeader(file);
            var (descr, fortran, shape) = NpyHeader.Parse(header);
            var type = NpyHeader.ElementType(descr);
            var length = type.ByteSize(shape.Aggregate(1L, (product, dim) => checked(product * dim)));
            if (length != file.Length - start)
            {
                throw new FormatException($"{type.DisplayName()}[{string.Join(',', shape)}] takes {length} bytes, but {file.Length - start} follow the header");
            }

            var data = new FileData(file, start, length);
            if (fortran && shape.Length > 1)
            {
                return new Tensor(type, shape, FortranOrder.ToC(data, shape, type.BitSize() / 8));
            }

            keepOpen = length > MemoryLimit;
            return new Tensor(type, shape, keepOpen ? data : data.ToMemory());
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new CompressToolException(OnnxErrors.InvalidFile, $"'{file.Path}' is not a valid .npy file: {e.Message}{GitLfs.Hint(file)}", inner: e);
        }
        catch (NotSupportedException e)
        {
            throw new CompressToolException(OnnxErrors.Unsupported, $"'{file.Path}' cannot be used: {e.Message}", inner: e);
        }
        finally
        {
            if (!keepOpen)
            {
                file.Dispose();
            }
        }
    }

    /// <summary>Writes a tensor as NumPy would, in C order; the file appears complete or not at all.</summary>
    /// <param name="path">The file; replaced when it exists.</param>
    /// <param name="tensor">What to write.</param>
    /// <param name="cancellationToken">Ends the writing; nothing is left of the file then.</param>
    /// <exception cref="CompressToolException">NumPy has no such element type, or the file cannot be written.</exception>
    public static SavedFile Write(string path, Tensor tensor, CancellationToken cancellationToken = default)
    {
        var full = FilePath.Full(path);
        var descr = NpyHeader.Descr(tensor.Type) ?? throw new CompressToolException(OnnxErrors.Unsupported,
            $"'{full}' cannot be written: the .npy format has no {tensor.Type.DisplayName()}; use .safetensors, or convert to float32");
        var header = Header(descr, tensor.Dims);
        using var files = new AtomicFiles();
        var saved = files.Write(full, header.Length + tensor.ByteLength, stream =>
        {
            stream.Write(header);
            tensor.Data.CopyTo(stream, cancellationToken);
        });
        files.Commit();
        return saved;
    }

    private static (string Header, int End) ReadHeader(MappedFile file)
    {
        Span<byte> start = stackalloc byte[12];
        if (file.Length < start.Length)
        {
            throw new FormatException(file.Length == 0 ? "it is empty" : "it ends too early");
        }

        file.Read(0, start);
        if (!start.StartsWith(Magic))
        {
            throw new FormatException("it does not start as one");
        }

        var (length, begin, encoding) = start[6] switch
        {
            1 => (BinaryPrimitives.ReadUInt16LittleEndian(start[8..]), 10, Encoding.Latin1),
            2 => (BinaryPrimitives.ReadUInt32LittleEndian(start[8..]), 12, Encoding.Latin1),
            3 => (BinaryPrimitives.ReadUInt32LittleEndian(start[8..]), 12, Encoding.UTF8),
            var version => throw new NotSupportedException($"its format version {version}.{start[7]} is not known; versions 1 to 3 are"),
        };
        if (length > Math.Min(MaxHeader, file.Length - begin))
        {
            throw new FormatException($"its header cannot be {length} bytes long");
        }

        var header = new byte[length];
        file.Read(begin, header);
        return (encoding.GetString(header), begin + (int)length);
    }

    private static byte[] Header(string descr, IReadOnlyList<long> dims)
    {
        var shape = dims.Count == 1 ? $"({dims[0]},)" : $"({string.Join(", ", dims)})";
        var text = $"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}";
        if (dims.Count > 0)
        {
            text = text.PadRight(text.Length + GrowthDigits - $"{dims[0]}".Length);
        }

        // Version 1 has room for 64 KiB, which is more than any shape a tensor can have takes.
        const int Prefix = 10;
        var total = (Prefix + text.Length + Alignment) / Alignment * Alignment;
        var bytes = new byte[total];
        Magic.CopyTo(bytes);
        bytes[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(8), checked((ushort)(total - Prefix)));
        Encoding.ASCII.GetBytes(text.PadRight(total - Prefix - 1) + '\n', bytes.AsSpan(Prefix));
        return bytes;
    }
}
