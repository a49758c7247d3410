using System.Text.Json;
using System.Text.Json.Nodes;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Import.Weights;

/// <summary>The safetensors files of a model: one, or several with an index that says which tensor is where. Dispose it to close them.</summary>
internal sealed class WeightFiles : IDisposable
{
    private const string Extension = ".safetensors";

    /// <summary>What diffusers and transformers name the weights of a model.</summary>
    private static readonly string[] s_names = ["diffusion_pytorch_model", "model"];
    private static readonly string[] s_pickled = [".bin", ".ckpt", ".pt", ".pth"];

    private readonly SafetensorsFile[] _files;

    private WeightFiles(string path, SafetensorsFile[] files, Dictionary<string, Tensor> tensors)
    {
        Path = path;
        _files = files;
        Tensors = tensors;
    }

    /// <summary>Full path of the file, or of the index.</summary>
    public string Path { get; }

    /// <summary>All tensors by name.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors { get; }

    /// <summary>The file of a model's folder that leads to its weights: the weights or their index; null when there are none.</summary>
    /// <exception cref="CompressToolException">The weights are pickled (CMP8006).</exception>
    public static string? Find(string folder)
    {
        var files = Directory.EnumerateFiles(folder).Select(System.IO.Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal).ToArray();
        var found = s_names.SelectMany(name => Candidates(name, files)).FirstOrDefault();
        if (found is null && files.Where(file => file.EndsWith(Extension, StringComparison.OrdinalIgnoreCase)).ToArray() is { Length: > 0 } others)
        {
            found = others.Length == 1 && !others[0].Contains("-of-") ? others[0] : throw new CompressToolException(DiffusionErrors.MissingWeightFile,
                $"'{folder}' has {string.Join(", ", others)}, but no index that says which tensor is where ({s_names[0]}{Extension}.index.json); download it beside them");
        }

        return found is not null ? System.IO.Path.Combine(folder, found)
            : files.FirstOrDefault(IsPickled) is { } pickled ? throw Pickled(System.IO.Path.Combine(folder, pickled)) : null;
    }

    /// <summary>Whether a file is in a format that runs code when it is read.</summary>
    public static bool IsPickled(string file) => s_pickled.Any(extension => file.EndsWith(extension, StringComparison.OrdinalIgnoreCase));

    /// <summary>The error about such a file.</summary>
    public static CompressToolException Pickled(string path) => new(DiffusionErrors.PickledWeights,
        $"'{path}' is a pickled checkpoint, and reading one can execute code that is hidden in it; use the {Extension} file of the same model, or save it as one where it came from (save_pretrained with safe_serialization=True)");

    /// <summary>All files that the weights are in, the one that leads to them first.</summary>
    /// <param name="path">What <see cref="Find"/> found.</param>
    /// <exception cref="CompressToolException">A part is missing (CMP8007), or the index is damaged (CMP8005).</exception>
    public static IReadOnlyList<string> FilesOf(string path)
    {
        if (!path.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            return [path];
        }

        var folder = System.IO.Path.GetDirectoryName(path)!;
        var parts = ReadIndex(path).Values.Distinct().Order(StringComparer.Ordinal).Select(part => System.IO.Path.Combine(folder, part)).ToArray();
        return parts.FirstOrDefault(part => !File.Exists(part)) is { } missing
            ? throw new CompressToolException(DiffusionErrors.MissingWeightFile, $"the weight file '{missing}', which '{System.IO.Path.GetFileName(path)}' names, does not exist; download it beside the others")
            : [path, .. parts];
    }

    /// <summary>Opens the weights; they stay in their files.</summary>
    /// <param name="path">What <see cref="Find"/> found.</param>
    /// <exception cref="CompressToolException">A file is missing (CMP8007) or damaged (CMP2002, CMP8005), or a tensor is not where the index says (CMP8008).</exception>
    public static WeightFiles Open(string path)
    {
        var parts = FilesOf(path);
        var files = new List<SafetensorsFile>();
        try
        {
            var tensors = new Dictionary<string, Tensor>();
            foreach (var part in parts.Count > 1 ? parts.Skip(1) : parts)
            {
                var file = SafetensorsFile.Open(part);
                files.Add(file);
                foreach (var name in file.Names)
                {
                    if (!tensors.TryAdd(name, file[name]))
                    {
                        throw new CompressToolException(DiffusionErrors.UnsupportedConfig, $"the tensor '{name}' is in '{part}' and in another part of '{path}'");
                    }
                }
            }

            if (parts.Count > 1 && ReadIndex(path).Keys.FirstOrDefault(name => !tensors.ContainsKey(name)) is { } missing)
            {
                throw new CompressToolException(DiffusionErrors.MissingTensor, $"'{path}' names the tensor '{missing}', which is in none of its parts");
            }

            return new WeightFiles(path, [.. files], tensors);
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(_files, file => file.Dispose());

    /// <summary>The files that hold or lead to the weights, the best first. A variant such as .fp16 is taken when it is all there is.</summary>
    private static IEnumerable<string> Candidates(string name, string[] files)
    {
        var (single, index) = (name + Extension, name + Extension + ".index.json");
        return files.Where(file => file == single).Concat(files.Where(file => file == index))
            .Concat(files.Where(file => file.StartsWith(name + ".", StringComparison.Ordinal) && (file.EndsWith(Extension, StringComparison.Ordinal) || (file.Contains(".index.") && file.EndsWith(".json", StringComparison.Ordinal)))));
    }

    private static Dictionary<string, string> ReadIndex(string path)
    {
        try
        {
            if (JsonNode.Parse(TextFile.Read(path))?["weight_map"] is JsonObject map)
            {
                var result = map.ToDictionary(item => item.Key, item => item.Value!.GetValue<string>());

                // A path could lead out of the folder.
                return result.Values.FirstOrDefault(part => part != System.IO.Path.GetFileName(part) || !part.EndsWith(Extension, StringComparison.Ordinal)) is { } bad
                    ? throw (IsPickled(bad) ? Pickled(bad) : new CompressToolException(DiffusionErrors.UnsupportedConfig, $"'{path}' names the weight file '{bad}', which is not a {Extension} file beside it"))
                    : result;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new CompressToolException(DiffusionErrors.UnsupportedConfig, $"'{path}' is damaged: {e.Message}", inner: e);
        }

        throw new CompressToolException(DiffusionErrors.UnsupportedConfig, $"'{path}' is no index of weights: it has no weight_map");
    }
}
