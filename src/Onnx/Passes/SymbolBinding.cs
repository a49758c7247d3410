using CompressTool.Onnx.Inference;

namespace CompressTool.Onnx.Passes;

/// <summary>Makes a model for fixed sizes out of one with symbolic dimensions.</summary>
public static class SymbolBinding
{
    /// <summary>
    /// Puts numbers in place of symbols in the shapes of inputs, and infers all other shapes anew. The shape arithmetic in
    /// the graph stays; <see cref="ConstantFolding"/> removes it.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="bindings">Numbers by symbol, e.g. <c>batch</c> = 2.</param>
    /// <returns>What inference found out.</returns>
    /// <exception cref="Diagnostics.CompressToolException">No input has such a symbol (CMP2010), or the sizes do not go together (CMP2006).</exception>
    public static InferenceResult Run(Model model, IReadOnlyDictionary<string, long> bindings) =>
        ShapeInference.Run(model, new InferenceOptions { Bindings = bindings });
}
