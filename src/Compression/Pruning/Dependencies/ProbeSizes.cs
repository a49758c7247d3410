using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;

namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>Lengths for the dimensions that a model leaves open, so that reshapes can be followed with numbers.</summary>
internal static class ProbeSizes
{
    /// <summary>Lengths to try for all open dimensions that have no usual length: models may need one that is large enough or that strides divide.</summary>
    private static readonly long[] s_lengths = [64, 32, 16, 224, 8, 1];

    /// <summary>Tokens of a text: fewer than any model has positions for.</summary>
    private const long TextLength = 8;

    /// <summary>Lengths by symbol, with which the shapes of the model can be inferred.</summary>
    public static IReadOnlyDictionary<string, long> Of(Model model) => Find(model).Sizes;

    /// <summary>The shapes of a model at these lengths.</summary>
    /// <exception cref="CompressToolException">They contradict each other.</exception>
    public static InferenceResult Infer(Model model)
    {
        var (sizes, shapes) = Find(model);
        return shapes ?? Infer(model, sizes);
    }

    /// <summary>The lengths, and the shapes where they had to be tried out.</summary>
    private static (IReadOnlyDictionary<string, long> Sizes, InferenceResult? Shapes) Find(Model model)
    {
        var usual = UsualDims.Of(model);
        var symbols = model.Graph.Inputs.Where(input => input.Shape is not null)
            .SelectMany(input => input.Shape!.Select((dim, axis) => (dim.Symbol, Axis: axis, IsText: !input.ElementType.IsFloat())))
            .Where(pair => pair.Symbol is not null)
            .DistinctBy(pair => pair.Symbol)
            .ToArray();
        if (symbols.All(pair => pair.Axis == 0 || pair.IsText || usual.ContainsKey(pair.Symbol!)))
        {
            return (Bind(symbols, usual, 1), null);
        }

        foreach (var length in s_lengths)
        {
            var sizes = Bind(symbols, usual, length);
            try
            {
                return (sizes, Infer(model, sizes));
            }
            catch (CompressToolException) when (length != s_lengths[^1])
            {
                // The next length may fit.
            }
        }

        return (usual, null);
    }

    private static InferenceResult Infer(Model model, IReadOnlyDictionary<string, long> sizes) =>
        ShapeInference.Analyze(model, new InferenceOptions { Bindings = sizes, Refresh = true });

    private static Dictionary<string, long> Bind(IEnumerable<(string? Symbol, int Axis, bool IsText)> symbols, IReadOnlyDictionary<string, long> usual, long length) =>
        symbols.ToDictionary(pair => pair.Symbol!, pair => usual.TryGetValue(pair.Symbol!, out var known) ? known : pair.Axis == 0 ? 2 : pair.IsText ? TextLength : length);
}
