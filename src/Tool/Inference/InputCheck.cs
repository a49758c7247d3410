using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Tool.Inference;

/// <summary>Compares given inputs with what a model takes, before the runtime is asked: it can say less about what is wrong.</summary>
internal static class InputCheck
{
    /// <summary>The inputs that a run must be given: those without a default.</summary>
    public static IEnumerable<Value> Required(Graph graph) => graph.Inputs.Where(input => input.Initializer is null);

    /// <summary>Throws unless names, types and shapes fit.</summary>
    /// <exception cref="CompressToolException">What does not fit, and what the model takes.</exception>
    public static void Check(IReadOnlyDictionary<string, Tensor> tensors, Graph graph)
    {
        var names = graph.Inputs.Select(input => input.Name).ToList();
        foreach (var name in tensors.Keys.Where(name => !names.Contains(name)))
        {
            throw Mismatch($"the model has no input '{name}'{NearestName.Hint(name, names)}");
        }

        if (Required(graph).Where(input => !tensors.ContainsKey(input.Name)).ToList() is { Count: > 0 } missing)
        {
            throw Mismatch($"the model needs {string.Join(" and ", missing.Select(input => $"'{input.Name}' ({input.Type})"))}; give it with --input {missing[0].Name}=file.npy");
        }

        var symbols = new Dictionary<string, (long Size, string Input)>(StringComparer.Ordinal);
        foreach (var input in graph.Inputs.Where(input => tensors.ContainsKey(input.Name)))
        {
            Check(input, tensors[input.Name], symbols);
        }
    }

    private static void Check(Value input, Tensor tensor, Dictionary<string, (long Size, string Input)> symbols)
    {
        if (input.TensorType is not { } type)
        {
            return; // Not described as a tensor: the runtime knows.
        }

        if (tensor.Type != type.ElementType)
        {
            throw Mismatch($"'{input.Name}' must be {type.ElementType.DisplayName()}, but the file holds {tensor}; convert it when it is saved");
        }

        if (type.Shape is not { } shape)
        {
            return;
        }

        if (shape.Count != tensor.Dims.Count)
        {
            throw Mismatch($"'{input.Name}' must have {Dimensions(shape.Count)} {shape}, but the file holds {tensor}");
        }

        for (var i = 0; i < shape.Count; i++)
        {
            var size = tensor.Dims[i];
            if (shape[i].Value is { } fixedSize && fixedSize != size)
            {
                throw Mismatch($"dimension {i} of '{input.Name}' must be {fixedSize}, but the file holds {tensor}; the model takes {shape}");
            }

            if (shape[i].Symbol is { } symbol && !symbols.TryAdd(symbol, (size, input.Name)) && symbols[symbol].Size != size)
            {
                throw Mismatch($"'{symbol}' is {symbols[symbol].Size} in '{symbols[symbol].Input}' but {size} in '{input.Name}'");
            }
        }
    }

    private static string Dimensions(int count) => count == 1 ? "1 dimension" : $"{count} dimensions";

    private static CompressToolException Mismatch(string message) => new(ToolErrors.InputMismatch, message);
}
