using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Import.Weights;

/// <summary>The parameters in the safetensors files of a checkpoint.</summary>
/// <param name="files">The files.</param>
internal sealed class CheckpointWeights(WeightFiles files) : IWeightSource
{
    /// <summary>Names that layers had in checkpoints of old versions (diffusers before 0.15), by the end of the present one.</summary>
    private static readonly (string Present, string Old)[] s_oldNames =
        [(".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."), (".to_out.0.", ".proj_attn.")];

    private readonly HashSet<string> _used = [];
    private readonly Dictionary<string, DataType> _types = [];

    /// <summary>The element types of the parameters that the model has taken, by their present names.</summary>
    public IReadOnlyDictionary<string, DataType> Types => _types;

    /// <inheritdoc/>
    public Tensor Get(string name, IReadOnlyList<long> dims, Initialization initialization)
    {
        if (Find(name) is not { } found)
        {
            throw new CompressToolException(DiffusionErrors.MissingTensor, $"'{files.Path}' has no tensor '{name}'{NearestName.Hint(name, [.. files.Tensors.Keys])}");
        }

        _used.Add(found);
        var tensor = files.Tensors[found];
        if (!tensor.Dims.SequenceEqual(dims))
        {
            throw new CompressToolException(DiffusionErrors.WrongTensor, $"the tensor '{found}' in '{files.Path}' is {tensor}, but config.json makes it [{string.Join(',', dims)}]");
        }

        _types[name] = tensor.Type;
        return FloatConversion.ToFloat(tensor) ?? throw new CompressToolException(DiffusionErrors.WrongTensor, $"the tensor '{found}' in '{files.Path}' is {tensor}, not floating-point numbers");
    }

    /// <inheritdoc/>
    public void Complete(Predicate<string> ignored)
    {
        const int shown = 5;
        var unused = files.Tensors.Keys.Where(name => !_used.Contains(name) && !ignored(name)).Order(StringComparer.Ordinal).ToArray();
        if (unused.Length > 0)
        {
            throw new CompressToolException(DiffusionErrors.UnusedTensors,
                $"'{files.Path}' has {unused.Length} tensors that config.json has no place for: {string.Join(", ", unused.Take(shown))}{(unused.Length > shown ? " ..." : "")}");
        }
    }

    private string? Find(string name)
    {
        if (files.Tensors.ContainsKey(name))
        {
            return name;
        }

        var old = s_oldNames.Select(pair => name.Replace(pair.Present, pair.Old)).FirstOrDefault(candidate => candidate != name);
        return old is not null && files.Tensors.ContainsKey(old) ? old : null;
    }
}
