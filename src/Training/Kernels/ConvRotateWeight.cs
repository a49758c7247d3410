using CompressTool.Runtime.CustomOperators;

namespace CompressTool.Training.Kernels;

/// <summary>
/// <c>ConvRotateWeight(W) -> V</c>: the weight of the convolution that computes the gradient of <c>Conv(X, W)</c> with stride 1 by
/// X: input and output channels exchanged, and the kernel reversed along each of its axes.
/// </summary>
/// <remarks>Input: W [O, C, kernel...], float32. Output: V [C, O, kernel...]. No attributes.</remarks>
public sealed class ConvRotateWeight : CustomOperator
{
    /// <summary>Describes the operator.</summary>
    public ConvRotateWeight()
        : base("ConvRotateWeight", [OperatorParameter.Float], [OperatorParameter.Float])
    {
    }

    /// <inheritdoc/>
    public override CustomKernel CreateKernel(KernelInfo info) => new Kernel();

    private sealed unsafe class Kernel : CustomKernel
    {
        /// <summary>Rows of the result that are written side by side: whole cache lines of the weight are read then.</summary>
        private const int Rows = 16;

        public override void Compute(KernelContext context)
        {
            var weight = context.Input(0);
            var dims = weight.Dims;
            var (filters, channels, places) = (dims[0], dims[1], (int)dims.Skip(2).Aggregate(1L, (count, dim) => count * dim));
            float* source = weight.Floats, target = context.Output(0, [channels, filters, .. dims.Skip(2)]).Floats;
            context.ParallelFor((int)((channels + Rows - 1) / Rows), task =>
            {
                long first = (long)task * Rows, end = Math.Min(first + Rows, channels);
                for (long filter = 0; filter < filters; filter++)
                {
                    for (var channel = first; channel < end; channel++)
                    {
                        Reverse(source + (((filter * channels) + channel) * places), target + (((channel * filters) + filter) * places), places);
                    }
                }
            });
        }

        private static void Reverse(float* source, float* target, int count)
        {
            // Reversing all axes of the kernel is reversing it as one row.
            for (var i = 0; i < count; i++)
            {
                target[i] = source[count - 1 - i];
            }
        }
    }
}
