using CompressTool.Runtime.CustomOperators;

namespace CompressTool.Training.Kernels;

/// <summary>
/// <c>ConvGradWeight(X, dY) -> dW</c>: the gradient of a loss by the weight of <c>Y = Conv(X, W)</c>, given the one by Y.
/// dW[o, c, i, j] is the sum over images and output places (r, s) of dY[n, o, r, s] * X[n, c, r * stride + i * dilation - pad, ...],
/// with X zero outside.
/// </summary>
/// <remarks>
/// Inputs, all float32: X [N, C, H, W] or [N, C, W], dY [N, O, OH, OW] or [N, O, OW]. Output: dW [O, C / group, kH, kW] or
/// [O, C / group, kW]. Attributes as of Conv: <c>kernel_shape</c> (required), <c>strides</c>, <c>pads</c> (at least 0),
/// <c>dilations</c>, <c>group</c>; <c>auto_pad</c> is not one of them. The same bits on any number of threads.
/// </remarks>
public sealed class ConvGradWeight : CustomOperator
{
    /// <summary>Packed operands at once; of more images, some are done after the others.</summary>
    private const long MaxPackedBytes = 48 << 20;

    private readonly SimdWidth _width;
    private readonly long _maxPackedBytes;

    /// <summary>Describes the operator.</summary>
    public ConvGradWeight()
        : this(Simd.Best, MaxPackedBytes)
    {
    }

    internal ConvGradWeight(SimdWidth width, long maxPackedBytes = MaxPackedBytes)
        : base("ConvGradWeight", [OperatorParameter.Float, OperatorParameter.Float], [OperatorParameter.Float]) => (_width, _maxPackedBytes) = (width, maxPackedBytes);

    /// <inheritdoc/>
    public override CustomKernel CreateKernel(KernelInfo info) => new Kernel(new ConvAttributes(info), _width, _maxPackedBytes);

    private sealed class Kernel(ConvAttributes attributes, SimdWidth width, long maxPackedBytes) : CustomKernel
    {
        public override unsafe void Compute(KernelContext context)
        {
            var (input, gradient) = (context.Input(0), context.Input(1));
            var shape = new ConvShape(attributes, input, gradient);
            var kernel = attributes.SpatialRank == 1 ? (long[])[attributes.KernelColumns] : [attributes.KernelRows, attributes.KernelColumns];
            var result = context.Output(0, [shape.Filters, shape.GroupChannels, .. kernel]);
            new WeightGradient(shape, width, maxPackedBytes).Compute(context, input.Floats, gradient.Floats, result.Floats);
        }
    }
}
