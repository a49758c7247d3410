using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>What criteria need besides weights, by the names of the initializers; made once and kept in a file. Tensors stay in it until they are read.</summary>
internal sealed class ImportanceData : IDisposable
{
    private readonly IReadOnlyDictionary<string, Tensor> _tensors;
    private readonly SafetensorsFile? _file;

    /// <summary>Data in memory.</summary>
    /// <param name="tensors">For each initializer a tensor of its shape (gradients), or the variance of each channel, float64.</param>
    public ImportanceData(IReadOnlyDictionary<string, Tensor> tensors) => _tensors = tensors;

    private ImportanceData(SafetensorsFile file)
        : this(file.Names.ToDictionary(name => name, name => file[name])) => _file = file;

    /// <summary>What was written beside the tensors, e.g. losses.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _file?.Metadata ?? new Dictionary<string, string>();

    /// <summary>Opens a file of them.</summary>
    /// <exception cref="CompressToolException">It is missing or damaged.</exception>
    public static ImportanceData Open(string path) => new(SafetensorsFile.Open(path));

    /// <summary>The gradient of a weight, or the mean of its squares.</summary>
    /// <exception cref="CompressToolException">There is none of its shape.</exception>
    public Tensor Gradient(Value weight) =>
        _tensors.GetValueOrDefault(weight.Name) is { } tensor && tensor.Dims.SequenceEqual(weight.Initializer!.Dims) ? tensor : throw Missing(weight, "gradient");

    /// <summary>The variances of the channels that a weight makes.</summary>
    /// <exception cref="CompressToolException">There are none.</exception>
    public double[] Variances(Value weight) => _tensors.GetValueOrDefault(weight.Name) is { Dims.Count: 1, Type: DataType.Double } tensor ? tensor.ToArray<double>() : throw Missing(weight, "variance");

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    private static CompressToolException Missing(Value weight, string what) => new(
        CompressionErrors.UnsuitableModel,
        $"there is no {what} for the weight '{weight.Name}' ({weight.Initializer}): it does not take part in the loss, or training leaves it as it is; exclude its layer, or choose a criterion that needs no data");
}
