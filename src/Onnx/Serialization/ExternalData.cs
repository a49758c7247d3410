using System.Globalization;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Serialization;

/// <summary>Finds the bytes of tensors that are stored in files beside the model.</summary>
/// <param name="modelPath">Full path of the model file.</param>
/// <param name="options">Whether files may be missing.</param>
/// <param name="own">Takes over the files that are opened.</param>
internal sealed class ExternalData(string modelPath, LoadOptions options, Action<IDisposable> own)
{
    private readonly Dictionary<string, (string Path, MappedFile? File)> _files = [];

    /// <summary>The bytes that external_data entries describe.</summary>
    /// <exception cref="CompressToolException">They are not there, or outside the model's folder.</exception>
    public TensorData Find(string tensor, List<KeyValuePair<string, string>> entries, long length)
    {
        var location = Entry(entries, "location");
        if (string.IsNullOrEmpty(location))
        {
            throw new ProtoException($"its tensor '{tensor}' is stored in another file, but it does not say in which");
        }

        if (!_files.TryGetValue(location, out var found))
        {
            found = Open(location, tensor);
            _files.Add(location, found);
        }

        var (path, file) = found;
        var offset = Number(entries, "offset", 0, tensor);
        if (Number(entries, "length", length, tensor) != length)
        {
            throw new ProtoException($"its tensor '{tensor}' has {length} bytes by its shape, but {Entry(entries, "length")} in '{location}'");
        }

        if (file is null)
        {
            return new MissingData(path, length);
        }

        return offset <= file.Length - length ? new FileData(file, offset, length) : throw new CompressToolException(OnnxErrors.ExternalDataMissing,
            $"the weight file '{path}' has {file.Length} bytes, but the tensor '{tensor}' takes {length} bytes from byte {offset} on; the file was not copied completely");
    }

    private static string? Entry(List<KeyValuePair<string, string>> entries, string key) => entries.Find(entry => entry.Key == key).Value;

    private static long Number(List<KeyValuePair<string, string>> entries, string key, long missing, string tensor) =>
        Entry(entries, key) is not { } text ? missing
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw new ProtoException($"its tensor '{tensor}' is stored in another file with the impossible {key} '{text}'");

    private (string Path, MappedFile? File) Open(string location, string tensor)
    {
        var path = ExternalDataPath.Resolve(modelPath, location, tensor);
        try
        {
            var file = MappedFile.Open(path);
            own(file);
            return (path, file);
        }
        catch (CompressToolException e) when (e.Code == OnnxErrors.FileNotFound)
        {
            return options.AllowMissingWeights ? (path, null) : throw new CompressToolException(OnnxErrors.ExternalDataMissing,
                $"the model stores weights in '{location}', but '{path}' does not exist; copy it beside the model", inner: e);
        }
    }
}
