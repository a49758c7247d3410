using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Tool.Sampling;

/// <summary>Arrays for inputs of a model, given on the command line as <c>name=file.npy</c> or <c>name=file.safetensors</c> (the tensor of that name).</summary>
internal static class ConditionFiles
{
    public static Dictionary<string, NdArray> Read(IEnumerable<string>? specifications)
    {
        var arrays = new Dictionary<string, NdArray>(StringComparer.Ordinal);
        foreach (var specification in specifications ?? [])
        {
            var separator = specification.IndexOf('=');
            if (separator <= 0)
            {
                throw new CompressToolException(ToolErrors.InvalidValue, $"'{specification}' is not an input: write name=file.npy or name=file.safetensors");
            }

            var (name, path) = (specification[..separator], specification[(separator + 1)..]);
            if (!arrays.TryAdd(name, Read(name, path)))
            {
                throw new CompressToolException(ToolErrors.Conflict, $"the input '{name}' is given twice");
            }
        }

        return arrays;
    }

    private static NdArray Read(string name, string path)
    {
        if (!path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
        {
            return NdArray.From(NpyFile.Read(path));
        }

        using var file = SafetensorsFile.Open(path);
        return file.TryGet(name, out var tensor) ? NdArray.From(tensor)
            : throw new CompressToolException(ToolErrors.InputMismatch, $"'{path}' holds no tensor '{name}'{NearestName.Hint(name, [.. file.Names])}");
    }
}
