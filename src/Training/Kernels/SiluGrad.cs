using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime;
using CompressTool.Runtime.CustomOperators;

namespace CompressTool.Training.Kernels;

/// <summary><c>SiluGrad(dY, X) -> dX</c>: the gradient of y = x * sigmoid(x): dx = dy * s * (1 + x * (1 - s)) with s = sigmoid(x).</summary>
/// <remarks>Inputs: dY and X, float32 of the same shape. Output: dX of that shape. No attributes.</remarks>
public sealed class SiluGrad : CustomOperator
{
    private readonly SimdWidth _width;

    /// <summary>Describes the operator.</summary>
    public SiluGrad()
        : this(Simd.Best)
    {
    }

    internal SiluGrad(SimdWidth width)
        : base("SiluGrad", [OperatorParameter.Float, OperatorParameter.Float], [OperatorParameter.Float]) => _width = width;

    /// <inheritdoc/>
    public override CustomKernel CreateKernel(KernelInfo info) => _width switch
    {
        SimdWidth.Bits512 => new Kernel<Floats512>(),
        SimdWidth.Bits256 => new Kernel<Floats256>(),
        _ => new Kernel<Floats128>(),
    };

    private sealed unsafe class Kernel<TVector> : CustomKernel
        where TVector : unmanaged, IFloatVector<TVector>
    {
        private const long TaskSize = 16384;

        public override void Compute(KernelContext context)
        {
            var (gradient, x) = (context.Input(0), context.Input(1));
            if (!gradient.Dims.SequenceEqual(x.Dims))
            {
                throw new CompressToolException(RuntimeErrors.InvalidInput, $"dY {gradient} must be like X {x}.");
            }

            var result = context.Output(0, [.. x.Dims]).Floats;
            var count = x.Count;
            context.ParallelFor((int)((count + TaskSize - 1) / TaskSize), task =>
            {
                var first = task * TaskSize;
                Differentiate(gradient.Floats + first, x.Floats + first, Math.Min(TaskSize, count - first), result + first);
            });
        }

        private static void Differentiate(float* gradient, float* x, long count, float* result)
        {
            var whole = count - (count % TVector.Count);
            for (long i = 0; i < whole; i += TVector.Count)
            {
                TVector.Store(TVector.Load(gradient + i) * Silu.Derivative(TVector.Load(x + i)), result + i);
            }

            if (whole < count)
            {
                TVector gradients = Elementwise.LoadPart<TVector>(gradient + whole, count - whole, 0), inputs = Elementwise.LoadPart<TVector>(x + whole, count - whole, 0);
                Elementwise.StorePart(gradients * Silu.Derivative(inputs), result + whole, count - whole);
            }
        }
    }
}
