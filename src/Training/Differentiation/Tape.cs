using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation;

/// <summary>What a differentiation went over.</summary>
/// <param name="Forward">The nodes there were before, in order.</param>
/// <param name="ByValue">The gradient by each of their values that has one.</param>
/// <param name="Gradients">The gradients that were asked for.</param>
internal sealed record Tape(IReadOnlyList<Node> Forward, IReadOnlyDictionary<Value, Expr> ByValue, IReadOnlyList<Expr> Gradients);
