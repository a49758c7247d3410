using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>What criteria need besides weights, by the names of the initializers; made once and kept in a file. Tensors stay in it until they are read.</summary>
internal sealed class ImportanceData : IDisposable
{
    private readonly IReadOnlyDictionary<string, Tensor> _tensors;
    private readonly IDisposable? _owner;

    /// <summary>Data in memory.</summary>
    /// <param name="tensors">For each initializer a tensor of its shape (gradients), or the variance of each channel, float64.</param>
    /// <param name="metadata">What goes with them; null for nothing.</param>
    /// <param name="owner">Who owns the tensors' memory, and is disposed with this; null for nobody.</param>
    public ImportanceData(IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null, IDisposable? owner = null) =>
        (_tensors, Metadata, _owner) = (tensors, metadata ?? new Dictionary<string, string>(), owner);

    /// <summary>What goes with the tensors, e.g. losses.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file of them.</summary>
    /// <exception cref="CompressToolException">It is missing or damaged.</exception>
    public static ImportanceData Open(string path)
    {
        var file = SafetensorsFile.Open(path);
        return new ImportanceData(file.Names.ToDictionary(name => name, name => file[name]), file.Metadata, file);
    }

    /// <summary>Writes a file of them.</summary>
    /// <exception cref="CompressToolException">It cannot be written.</exception>
    public void Write(string path, CancellationToken cancellationToken) => SafetensorsFile.Write(path, _tensors, Metadata, cancellationToken);

    /// <summary>The gradient of a weight, or the mean of its squares.</summary>
    /// <exception cref="CompressToolException">There is none of its shape.</exception>
    public Tensor Gradient(Value weight) =>
        _tensors.GetValueOrDefault(weight.Name) is { } tensor && tensor.Dims.SequenceEqual(Layers.ConstantOf(weight)!.Dims) ? tensor : throw Missing(weight, "gradient");

    /// <summary>Whether there are variances of the channels that a weight makes.</summary>
    public bool HasVariances(Value weight) => _tensors.GetValueOrDefault(weight.Name) is { Dims.Count: 1, Type: DataType.Double };

    /// <summary>The variances of the channels that a weight makes.</summary>
    /// <exception cref="CompressToolException">There are none.</exception>
    public double[] Variances(Value weight) => HasVariances(weight) ? _tensors[weight.Name].ToArray<double>() : throw Missing(weight, "variance");

    /// <inheritdoc/>
    public void Dispose() => _owner?.Dispose();

    private static CompressToolException Missing(Value weight, string what) => new(
        CompressionErrors.UnsuitableModel,
        $"there is no {what} for the weight '{weight.Name}' ({Layers.ConstantOf(weight)}): it does not take part in the loss, or training leaves it as it is; exclude its layer, or choose a criterion that needs no data");
}
