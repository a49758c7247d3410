namespace CompressTool.Onnx.Inference;

/// <summary>What inference knows about an operator.</summary>
/// <param name="Shape">Sets element type and shape of the outputs.</param>
/// <param name="Content">Computes the outputs' elements where the inputs' are known, as numbers or in terms of symbols; null for operators that shape arithmetic and constants do not use.</param>
internal sealed record OperatorRule(Action<NodeContext> Shape, Action<NodeContext>? Content = null);
