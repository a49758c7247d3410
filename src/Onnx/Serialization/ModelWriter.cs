using System.Globalization;
using System.Security.Cryptography;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Serialization;

/// <summary>Where a tensor is in the weight file.</summary>
internal sealed record ExternalPlace(string Location, long Offset, long Length)
{
    public IEnumerable<KeyValuePair<string, string>> Entries =>
    [
        new("location", Location),
        new("offset", Offset.ToString(CultureInfo.InvariantCulture)),
        new("length", Length.ToString(CultureInfo.InvariantCulture)),
    ];
}

/// <summary>Saves models. The same model gives the same bytes, always.</summary>
internal static class ModelWriter
{
    /// <summary>Smaller tensors stay in the model file: shape inference of other tools reads them there.</summary>
    private const int ExternalThreshold = 1024;

    /// <summary>Tensors from this size on start at a multiple of <see cref="LargeAlignment"/>, which Windows needs to map them.</summary>
    private const int LargeTensor = 1 << 20;
    private const int LargeAlignment = 1 << 16;
    private const int Alignment = 1 << 12;

    public static IReadOnlyList<SavedFile> Save(Model model, string path, SaveOptions options, CancellationToken cancellationToken)
    {
        var full = Path.GetFullPath(path);
        var dataPath = full + ".data";
        var tensors = Tensors(model).ToList();
        var weights = tensors.Sum(tensor => tensor.ByteLength);
        var places = options.ExternalData == ExternalDataMode.Always || (options.ExternalData == ExternalDataMode.Auto && weights > options.EmbedLimit)
            ? Plan(tensors, Path.GetFileName(dataPath)) : [];
        var message = new ModelEncoder(tensor => places.GetValueOrDefault(tensor)).Encode(model);
        if (message.Length > int.MaxValue)
        {
            throw TooLarge(full);
        }

        var temporary = new List<(string Temporary, string Final)>();
        var total = message.Length + places.Values.Sum(place => place.Length);
        var progress = new WriteProgress(options.Progress, total);
        try
        {
            SavedFile? data = null;
            if (places.Count > 0)
            {
                data = WriteFile(dataPath, temporary, stream => WriteWeights(places, stream, progress, cancellationToken));
            }

            var main = WriteFile(full, temporary, stream => WriteParts(message.Parts, stream, progress, cancellationToken));

            // The weights first: a model file never refers to weights that are not there yet.
            foreach (var (from, to) in temporary)
            {
                File.Move(from, to, overwrite: true);
            }

            temporary.Clear();
            if (data is null && File.Exists(dataPath))
            {
                File.Delete(dataPath);
            }

            return data is null ? [main] : [main, data];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CompressToolException(OnnxErrors.WriteFailed, $"'{full}' cannot be written: {e.Message}", inner: e);
        }
        finally
        {
            foreach (var (from, _) in temporary)
            {
                File.Delete(from);
            }
        }
    }

    public static byte[] ToBytes(Model model)
    {
        var message = new ModelEncoder(_ => null).Encode(model);
        if (message.Length > Array.MaxLength)
        {
            throw TooLarge("the model");
        }

        var bytes = new byte[message.Length];
        WriteParts(message.Parts, new MemoryStream(bytes), new WriteProgress(null, 1), CancellationToken.None);
        return bytes;
    }

    private static CompressToolException TooLarge(string what) =>
        new(OnnxErrors.WriteFailed, $"{what} would be larger than 2 GiB, which the format does not allow in one file; save its weights beside it");

    private static IEnumerable<Tensor> Tensors(Model model) =>
        model.Functions.Select(function => function.Body).Prepend(model.Graph).SelectMany(graph => graph.AllGraphs())
            .SelectMany(graph => graph.Initializers.Select(value => value.Initializer!)
                .Concat(graph.Nodes.SelectMany(node => node.Attributes).SelectMany(attribute => attribute.Value switch
                {
                    Tensor tensor => [tensor],
                    IReadOnlyList<Tensor> tensors => tensors,
                    _ => Enumerable.Empty<Tensor>(),
                })));

    private static Dictionary<Tensor, ExternalPlace> Plan(List<Tensor> tensors, string location)
    {
        var places = new Dictionary<Tensor, ExternalPlace>(ReferenceEqualityComparer.Instance);
        long end = 0;
        foreach (var tensor in tensors)
        {
            if (tensor.Strings is null && tensor.ByteLength >= ExternalThreshold && !places.ContainsKey(tensor))
            {
                var alignment = tensor.ByteLength >= LargeTensor ? LargeAlignment : Alignment;
                var start = (end + alignment - 1) / alignment * alignment;
                places.Add(tensor, new ExternalPlace(location, start, tensor.ByteLength));
                end = start + tensor.ByteLength;
            }
        }

        return places;
    }

    private static SavedFile WriteFile(string path, List<(string, string)> temporary, Action<Stream> write)
    {
        var name = $"{path}.{Environment.ProcessId:x}-{Guid.NewGuid():n}.tmp";
        temporary.Add((name, path));
        using var stream = new HashingStream(new FileStream(name, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0));
        write(stream);
        return stream.Complete(path);
    }

    private static void WriteWeights(Dictionary<Tensor, ExternalPlace> places, Stream stream, WriteProgress progress, CancellationToken cancellationToken)
    {
        long position = 0;
        var zeros = new byte[LargeAlignment];
        foreach (var (tensor, place) in places.OrderBy(item => item.Value.Offset))
        {
            stream.Write(zeros.AsSpan(0, (int)(place.Offset - position)));
            tensor.Data.CopyTo(stream, cancellationToken);
            position = place.Offset + place.Length;
            progress.Add(place.Length);
        }
    }

    private static void WriteParts(IEnumerable<TensorData> parts, Stream stream, WriteProgress progress, CancellationToken cancellationToken)
    {
        foreach (var part in parts)
        {
            cancellationToken.ThrowIfCancellationRequested();
            part.CopyTo(stream, cancellationToken);
            progress.Add(part.Length);
        }
    }

    private sealed class WriteProgress(IProgress<double>? progress, long total)
    {
        private long _done;

        public void Add(long bytes)
        {
            _done += bytes;
            progress?.Report(Math.Min(1, _done / (double)Math.Max(1, total)));
        }
    }

    /// <summary>Hashes what passes through on its way to the file, which saves reading it again.</summary>
    private sealed class HashingStream(FileStream file) : Stream
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => file.Length;

        public override long Position
        {
            get => file.Position;
            set => throw new NotSupportedException();
        }

        public SavedFile Complete(string path)
        {
            file.Flush(flushToDisk: true);
            return new SavedFile(path, file.Length, Convert.ToHexStringLower(_hash.GetHashAndReset()));
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _hash.AppendData(buffer);
            file.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() => file.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            if (disposing)
            {
                _hash.Dispose();
                file.Dispose();
            }
        }
    }
}
