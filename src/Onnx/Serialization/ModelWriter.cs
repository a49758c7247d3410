using System.Globalization;
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

    /// <summary>Tensors in files of others are left there when they start at a multiple of the largest element.</summary>
    private const int FileAlignment = 8;

    public static IReadOnlyList<SavedFile> Save(Model model, string path, SaveOptions options, CancellationToken cancellationToken)
    {
        var full = FilePath.Full(path);
        var dataPath = full + ".data";
        GraphChecker.Check(model);
        var tensors = Tensors(model).ToList();
        var weights = tensors.Sum(tensor => tensor.ByteLength);
        var places = options.ExternalData == ExternalDataMode.Always || (options.ExternalData == ExternalDataMode.Auto && weights > options.EmbedLimit)
            ? Plan(tensors, Path.GetFileName(dataPath)) : [];
        if (places.Count > 0 && Path.GetFileName(full).IndexOfAny([':', '\\']) >= 0)
        {
            throw new CompressToolException(OnnxErrors.WriteFailed, $"'{full}' cannot be written: no model can refer to weights in a file of such a name; choose one without ':' and '\\'");
        }

        var message = new ModelEncoder(tensor => places.GetValueOrDefault(tensor)).Encode(model);
        if (message.Length > int.MaxValue)
        {
            throw TooLarge(full);
        }

        var total = message.Length + places.Values.Sum(place => place.Length);
        var progress = new WriteProgress(options.Progress, total);
        using var files = new AtomicFiles();

        // The weights first: a model file never refers to weights that are not there yet.
        var data = places.Count == 0 ? null
            : files.Write(dataPath, places.Values.Max(place => place.Offset + place.Length), stream => WriteWeights(places, stream, progress, cancellationToken));
        var main = files.Write(full, message.Length, stream => WriteParts(message.Parts, stream, progress, cancellationToken));
        files.Commit();
        return data is null ? [main] : [main, data];
    }

    public static byte[] ToBytes(Model model)
    {
        GraphChecker.Check(model);
        return ToBytes(new ModelEncoder(_ => null).Encode(model));
    }

    /// <summary>See <see cref="Model.ToBytes(string, string, CancellationToken)"/>.</summary>
    public static byte[] ToBytes(Model model, string root, string dataPath, CancellationToken cancellationToken)
    {
        GraphChecker.Check(model);
        var location = LocationIn(root, dataPath) ?? throw new ArgumentException($"'{dataPath}' is not below '{root}'", nameof(dataPath));
        var places = Plan(Tensors(model), location, tensor => PlaceOf(tensor, root));
        var written = places.Where(item => item.Value.Location == location).ToDictionary(ReferenceEqualityComparer.Instance);
        if (written.Count > 0)
        {
            AtomicFiles.WriteTemporary(dataPath, stream => WriteWeights(written, stream, new WriteProgress(null, 1), cancellationToken));
        }

        return ToBytes(new ModelEncoder(tensor => places.GetValueOrDefault(tensor)).Encode(model));
    }

    private static byte[] ToBytes(ProtoWriter message)
    {
        if (message.Length > Array.MaxLength)
        {
            throw TooLarge("the model");
        }

        var bytes = new byte[message.Length];
        WriteParts(message.Parts, new MemoryStream(bytes), new WriteProgress(null, 1), CancellationToken.None);
        return bytes;
    }

    /// <summary>Where a tensor lies in a file of its own, if it still does; null when it has to be written.</summary>
    private static ExternalPlace? PlaceOf(Tensor tensor, string root) =>
        tensor.Data is FileData { File: var file } data && data.Offset % FileAlignment == 0 && file.IsUnchanged && LocationIn(root, file.Path) is { } location ? new ExternalPlace(location, data.Offset, data.Length) : null;

    private static string? LocationIn(string root, string path) =>
        Path.GetRelativePath(root, path) is var location && !Path.IsPathRooted(location) && location.Split(Path.DirectorySeparatorChar)[0] != ".." ? location : null;

    private static CompressToolException TooLarge(string what) =>
        new(OnnxErrors.WriteFailed, $"{what} would be larger than 2 GiB, which the format does not allow in one file; save its weights beside it");

    private static IEnumerable<Tensor> Tensors(Model model) =>
        model.Functions.Select(function => function.Body).Prepend(model.Graph).SelectMany(graph => graph.AllGraphs()).SelectMany(graph =>
            graph.Initializers.Select(value => value.Initializer!)
                .Concat(graph.SparseInitializers.SelectMany(value => Tensors(value.SparseInitializer!)))
                .Concat(graph.Nodes.SelectMany(node => node.Attributes).SelectMany(attribute => Tensors(attribute.Value))));

    private static IEnumerable<Tensor> Tensors(object? value) => value switch
    {
        Tensor tensor => [tensor],
        IReadOnlyList<Tensor> tensors => tensors,
        SparseTensor sparse => [sparse.Values, sparse.Indices],
        IReadOnlyList<SparseTensor> sparses => sparses.SelectMany(Tensors),
        _ => [],
    };

    private static Dictionary<Tensor, ExternalPlace> Plan(IEnumerable<Tensor> tensors, string location, Func<Tensor, ExternalPlace?>? known = null)
    {
        var places = new Dictionary<Tensor, ExternalPlace>(ReferenceEqualityComparer.Instance);
        long end = 0;
        foreach (var tensor in tensors)
        {
            if (tensor.Strings is not null || tensor.ByteLength < ExternalThreshold || places.ContainsKey(tensor))
            {
                continue;
            }

            if (known?.Invoke(tensor) is { } place)
            {
                places.Add(tensor, place);
            }
            else
            {
                var alignment = tensor.ByteLength >= LargeTensor ? LargeAlignment : Alignment;
                var start = (end + alignment - 1) / alignment * alignment;
                places.Add(tensor, new ExternalPlace(location, start, tensor.ByteLength));
                end = start + tensor.ByteLength;
            }
        }

        return places;
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
}
