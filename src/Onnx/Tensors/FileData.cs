using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx;

/// <summary>Tensor bytes in a file.</summary>
/// <param name="file">The file.</param>
/// <param name="offset">Where the bytes start.</param>
/// <param name="length">How many they are.</param>
public sealed class FileData(MappedFile file, long offset, long length) : TensorData
{
    /// <summary>The file.</summary>
    public MappedFile File { get; } = file;

    /// <summary>Where the bytes start in the file.</summary>
    public long Offset { get; } = offset;

    /// <inheritdoc/>
    public override long Length { get; } = length;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> destination)
    {
        CheckRange(offset, destination.Length);
        File.Read(Offset + offset, destination);
    }

    /// <inheritdoc/>
    public override TensorView View() => File.View(Offset, Length);
}

/// <summary>Stands for the bytes of a weight file that is not there; models loaded for inspection may have such tensors.</summary>
/// <param name="path">The missing file.</param>
/// <param name="length">How many bytes there should be.</param>
public sealed class MissingData(string path, long length) : TensorData
{
    /// <summary>Full path of the missing file.</summary>
    public string Path { get; } = path;

    /// <inheritdoc/>
    public override long Length { get; } = length;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> destination) => throw Error();

    /// <inheritdoc/>
    public override TensorView View() => throw Error();

    private CompressToolException Error() => new(OnnxErrors.ExternalDataMissing, $"the weight file '{Path}' does not exist; copy it beside the model");
}
