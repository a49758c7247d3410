using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Onnx;
using CompressTool.Runtime.CustomOperators;

namespace CompressTool.Compression.Quantization;

/// <summary>
/// Gathers what is to be known of the channels of values, their last axis, while the model runs, so that no activation has to be kept: means,
/// sizes and largest magnitudes, and Hessians where they are wanted.
/// </summary>
/// <param name="moments">The moments.</param>
/// <param name="hessians">As many Hessians; null where they are not wanted.</param>
internal sealed class MomentsOperator(IReadOnlyList<InputMoments> moments, IReadOnlyList<Hessian>? hessians = null) : CustomOperator("AddToMoments", [OperatorParameter.Float], [OperatorParameter.Float])
{
    private const string Index = "index";

    /// <summary>Adds a node that looks at a value, and returns its output, which has to be asked for.</summary>
    /// <param name="value">The value: float32.</param>
    /// <param name="index">The number of its moments.</param>
    public Value Watch(Value value, int index) =>
        value.Graph!.AddNode(null, OpType, $"{value.Name}_moments", [value], new TensorType(DataType.Float, Shape.Scalar), Domain, Onnx.Attribute.Int(Index, index));

    /// <inheritdoc/>
    public override CustomKernel CreateKernel(KernelInfo info) => new Kernel(moments[(int)info.GetInt(Index)], hessians?[(int)info.GetInt(Index)]);

    private sealed class Kernel(InputMoments moments, Hessian? hessian) : CustomKernel
    {
        private const int Chunk = 1 << 24;

        public override unsafe void Compute(KernelContext context)
        {
            var input = context.Input(0);
            var channels = checked((int)input.Dims[^1]);
            var wholeRows = Math.Max(1, Chunk / Math.Max(1, channels)) * channels;
            for (long start = 0, count = input.Count; start < count; start += wholeRows)
            {
                var rows = new ReadOnlySpan<float>(input.Floats + start, (int)Math.Min(count - start, wholeRows));
                moments.Add(rows);
                hessian?.Add(rows);
            }

            context.Output(0).Floats[0] = 0;
        }
    }
}
