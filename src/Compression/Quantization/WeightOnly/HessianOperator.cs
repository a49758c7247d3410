using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Onnx;
using CompressTool.Runtime.CustomOperators;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>Adds the rows of values to Hessians while the model runs, so that no activation has to be kept.</summary>
/// <param name="hessians">The Hessians.</param>
/// <param name="moments">Means and sizes of the same inputs.</param>
internal sealed class HessianOperator(IReadOnlyList<Hessian> hessians, IReadOnlyList<InputMoments> moments) : CustomOperator("AddToHessian", [OperatorParameter.Float], [OperatorParameter.Float])
{
    private const string Index = "index";

    /// <summary>Adds a node that looks at a value, and returns its output, which has to be asked for.</summary>
    /// <param name="value">The value: float32, its last dimension the Hessian's size.</param>
    /// <param name="index">The number of the Hessian.</param>
    public Value Watch(Value value, int index) =>
        value.Graph!.AddNode(null, OpType, $"{value.Name}_rows", [value], new TensorType(DataType.Float, Shape.Scalar), Domain, Onnx.Attribute.Int(Index, index));

    /// <inheritdoc/>
    public override CustomKernel CreateKernel(KernelInfo info) => new Kernel(hessians[(int)info.GetInt(Index)], moments[(int)info.GetInt(Index)]);

    private sealed class Kernel(Hessian hessian, InputMoments moments) : CustomKernel
    {
        private const int Chunk = 1 << 24;

        public override unsafe void Compute(KernelContext context)
        {
            var input = context.Input(0);
            var wholeRows = Math.Max(1, Chunk / hessian.Size) * hessian.Size;
            for (long start = 0, count = input.Count; start < count; start += wholeRows)
            {
                var rows = new ReadOnlySpan<float>(input.Floats + start, (int)Math.Min(count - start, wholeRows));
                hessian.Add(rows);
                moments.Add(rows);
            }

            context.Output(0).Floats[0] = 0;
        }
    }
}
