using CompressTool.Onnx.Serialization;

namespace CompressTool.Onnx;

/// <summary>
/// An ONNX model as plain objects. Weights stay in their files until someone reads them; everything in a valid model
/// survives load and save. Dispose it to close the files it was loaded from.
/// </summary>
public sealed class Model : IDisposable
{
    private readonly List<IDisposable> _files = [];

    /// <summary>The version of the format.</summary>
    public long IrVersion { get; set; } = 8;

    /// <summary>The program that made it.</summary>
    public string ProducerName { get; set; } = "";

    /// <summary>The version of that program.</summary>
    public string ProducerVersion { get; set; } = "";

    /// <summary>The model's domain, e.g. <c>org.example</c>.</summary>
    public string Domain { get; set; } = "";

    /// <summary>The version of the model itself.</summary>
    public long ModelVersion { get; set; }

    /// <summary>Documentation.</summary>
    public string DocString { get; set; } = "";

    /// <summary>Version of every operator domain in use; the standard domain is the empty name.</summary>
    public OrderedDictionary<string, long> OpsetImports { get; } = [];

    /// <summary>The main graph.</summary>
    public Graph Graph { get; set; } = new();

    /// <summary>Model-local functions.</summary>
    public List<Function> Functions { get; } = [];

    /// <summary>Free key-value pairs.</summary>
    public List<KeyValuePair<string, string>> Metadata { get; } = [];

    /// <summary>Full path of the file it was loaded from; null when made in memory, or when it has become another model than that file's (<see cref="LeaveFile"/>).</summary>
    public string? Path { get; internal set; }

    /// <summary>Full paths of the files it was loaded from, the model file first, then its weight files; empty when made in memory.</summary>
    public IReadOnlyList<string> Files => [.. _files.OfType<MappedFile>().Select(file => file.Path)];

    /// <summary>Version of the standard operators; 0 when the model does not import them.</summary>
    public long Opset => OpsetImports.GetValueOrDefault("");

    internal ReadOnlyMemory<byte> UnknownFields { get; set; }

    /// <summary>Loads a model file; weights stay in the file (mapped when read).</summary>
    /// <param name="path">The .onnx file.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <exception cref="Diagnostics.CompressToolException">The file is missing, invalid, or refers to weight files that are missing or outside its folder.</exception>
    public static Model Load(string path, LoadOptions? options = null) => ModelReader.Load(path, options ?? new LoadOptions());

    /// <summary>Parses a model held in memory; it must not refer to weight files.</summary>
    /// <exception cref="Diagnostics.CompressToolException">The bytes are not a valid model.</exception>
    public static Model Parse(ReadOnlyMemory<byte> bytes) => ModelReader.Parse(bytes);

    /// <summary>
    /// Saves the model: first under temporary names, then renamed, so that a half-written file is never taken for a model.
    /// Tensors are streamed; computed ones are computed now.
    /// </summary>
    /// <returns>The files written, the model file first.</returns>
    /// <exception cref="Diagnostics.CompressToolException">The file cannot be written.</exception>
    public IReadOnlyList<SavedFile> Save(string path, SaveOptions? options = null, CancellationToken cancellationToken = default) =>
        ModelWriter.Save(this, path, options ?? new SaveOptions(), cancellationToken);

    /// <summary>The model as one block of bytes with all weights inside; for small models.</summary>
    /// <exception cref="Diagnostics.CompressToolException">It would be larger than 2 GiB.</exception>
    public byte[] ToBytes() => ModelWriter.ToBytes(this);

    /// <summary>The model as one block of bytes that refers to its weights where they are: for a runtime that is to look at it in this process.</summary>
    /// <param name="root">The folder that locations are relative to.</param>
    /// <param name="dataPath">A new file below it, for the weights that are in no file below it, in one that has changed, or at a place that is no multiple of 8 bytes; not made when there are none. Tensors under 1 KiB stay in the model.</param>
    /// <param name="cancellationToken">Cancels the writing.</param>
    /// <exception cref="Diagnostics.CompressToolException">The file cannot be written, or the rest would be larger than 2 GiB.</exception>
    public byte[] ToBytes(string root, string dataPath, CancellationToken cancellationToken = default) => ModelWriter.ToBytes(this, root, dataPath, cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in _files)
        {
            file.Dispose();
        }

        _files.Clear();
    }

    /// <summary>Says that the graph has become another one than that of its file, so that nobody loads the file in its place; weights are still read from it.</summary>
    public void LeaveFile() => Path = null;

    /// <summary>Makes a file that tensors are in close together with the model.</summary>
    public void Own(IDisposable file) => _files.Add(file);
}

/// <summary>A model-local function.</summary>
/// <param name="domain">Its domain.</param>
/// <param name="name">Its name.</param>
public sealed class Function(string domain, string name)
{
    /// <summary>Its domain.</summary>
    public string Domain { get; } = domain;

    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>Which overload it is; usually empty.</summary>
    public string Overload { get; set; } = "";

    /// <summary>Documentation.</summary>
    public string DocString { get; set; } = "";

    /// <summary>Inputs, nodes and outputs.</summary>
    public Graph Body { get; } = new();

    /// <summary>Attributes without default.</summary>
    public List<string> AttributeNames { get; } = [];

    /// <summary>Attributes with their defaults.</summary>
    public List<Attribute> AttributeDefaults { get; } = [];

    /// <summary>Version of every operator domain its nodes use.</summary>
    public OrderedDictionary<string, long> OpsetImports { get; } = [];

    /// <summary>Free key-value pairs.</summary>
    public List<KeyValuePair<string, string>> Metadata { get; } = [];

    internal ReadOnlyMemory<byte> UnknownFields { get; set; }
}
