using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Tool.Inference;

/// <summary>
/// Inputs of a model given as files on the command line: <c>name=file.npy</c>, <c>name=file.safetensors</c> (the tensor of
/// that name), or a .safetensors file alone (all inputs).
/// </summary>
internal sealed class ModelInputs : IDisposable
{
    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _paths = new(StringComparer.Ordinal);

    /// <summary>The tensors by the name of the input.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors => _tensors;

    /// <summary>The file that each comes from.</summary>
    public IReadOnlyDictionary<string, string> Files => _paths;

    /// <summary>Reads the files and compares them with what the model takes.</summary>
    /// <param name="specifications">What the command line says.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="CompressToolException">A file cannot be read, or names, types or shapes do not fit.</exception>
    public static ModelInputs Read(IEnumerable<string> specifications, Model model)
    {
        var inputs = new ModelInputs();
        try
        {
            foreach (var specification in specifications)
            {
                inputs.Add(specification, model.Graph);
            }

            InputCheck.Check(inputs._tensors, model.Graph);
            return inputs;
        }
        catch
        {
            inputs.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in _files)
        {
            file.Dispose();
        }
    }

    private void Add(string specification, Graph graph)
    {
        var separator = specification.IndexOf('=');
        var (name, path) = separator > 0 ? (specification[..separator], specification[(separator + 1)..]) : ("", specification);
        if (IsSafetensors(path))
        {
            AddSafetensors(name, path, graph);
        }
        else if (!path.EndsWith(".npy", StringComparison.OrdinalIgnoreCase))
        {
            throw new CompressToolException(ToolErrors.InvalidValue, $"'{specification}' is not an input: write name=file.npy, or a .safetensors file that holds all inputs");
        }
        else if (name.Length == 0)
        {
            var known = InputCheck.Required(graph).FirstOrDefault()?.Name ?? "name";
            throw new CompressToolException(ToolErrors.InvalidValue, $"the input that '{path}' is for is missing: write e.g. {known}={path}");
        }
        else
        {
            Add(name, NpyFile.Read(path), path);
        }
    }

    private void AddSafetensors(string name, string path, Graph graph)
    {
        var file = SafetensorsFile.Open(path);
        _files.Add(file);
        if (name.Length == 0)
        {
            // It may hold more than the inputs, e.g. the outputs to expect; what is missing is found out later.
            foreach (var input in file.Names.Where(input => graph.Inputs.Any(known => known.Name == input)))
            {
                Add(input, file[input], path);
            }
        }
        else if (file.TryGet(name, out var tensor))
        {
            Add(name, tensor, path);
        }
        else
        {
            throw new CompressToolException(ToolErrors.InputMismatch, $"'{path}' holds no tensor '{name}'{NearestName.Hint(name, [.. file.Names])}");
        }
    }

    private void Add(string name, Tensor tensor, string path)
    {
        if (!_tensors.TryAdd(name, tensor))
        {
            throw new CompressToolException(ToolErrors.Conflict, $"the input '{name}' is given twice");
        }

        _paths.Add(name, Path.GetFullPath(path));
    }

    private static bool IsSafetensors(string path) => path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
}
