using CompressTool.Runtime.CustomOperators;

namespace CompressTool.Training.Kernels;

/// <summary>
/// <c>GroupNormSilu(X, scale, bias) -> Y, mean, invstd</c>: group normalisation and, if wanted, the activation that usually
/// follows, in one pass over memory. z = (x - mean) * invstd * scale + bias with the moments of a group of channels of an image,
/// invstd = 1 / sqrt(variance + epsilon); y = z, or z * sigmoid(z).
/// </summary>
/// <remarks>
/// Inputs, all float32: X [N, C, ...] of any rank from 2 on, scale [C], bias [C]. Outputs: Y like X; mean and invstd
/// [N, num_groups], for the gradient; they may be left out. Attributes: <c>num_groups</c> (required, divides C), <c>epsilon</c> (1e-5),
/// <c>activation</c> (1 for SiLU, 0 for none; 1). The same bits on any number of threads.
/// </remarks>
public sealed class GroupNormSilu : CustomOperator
{
    private readonly SimdWidth _width;

    /// <summary>Describes the operator.</summary>
    public GroupNormSilu()
        : this(Simd.Best)
    {
    }

    internal GroupNormSilu(SimdWidth width)
        : base("GroupNormSilu", [OperatorParameter.Float, OperatorParameter.Float, OperatorParameter.Float], [OperatorParameter.Float, OptionalFloat, OptionalFloat]) => _width = width;

    private static OperatorParameter OptionalFloat => OperatorParameter.Float with { IsOptional = true };

    /// <inheritdoc/>
    public override CustomKernel CreateKernel(KernelInfo info)
    {
        var attributes = new GroupNormAttributes(info);
        return (_width, attributes.HasSilu) switch
        {
            (SimdWidth.Bits512, true) => new Kernel<Floats512, Silu>(attributes),
            (SimdWidth.Bits512, false) => new Kernel<Floats512, NoActivation>(attributes),
            (SimdWidth.Bits256, true) => new Kernel<Floats256, Silu>(attributes),
            (SimdWidth.Bits256, false) => new Kernel<Floats256, NoActivation>(attributes),
            (_, true) => new Kernel<Floats128, Silu>(attributes),
            (_, false) => new Kernel<Floats128, NoActivation>(attributes),
        };
    }

    private sealed unsafe class Kernel<TVector, TActivation>(GroupNormAttributes attributes) : CustomKernel
        where TVector : unmanaged, IFloatVector<TVector>
        where TActivation : struct, IActivation
    {
        public override void Compute(KernelContext context)
        {
            var x = context.Input(0);
            var shape = new GroupNormShape(attributes, x, context.Input(1), context.Input(2));
            float* input = x.Floats, scale = context.Input(1).Floats, bias = context.Input(2).Floats;
            var output = context.Output(0, [.. x.Dims]).Floats;
            var means = context.OptionalOutput(1, shape.Images, shape.Groups) is { } mean ? mean.Floats : null;
            var deviations = context.OptionalOutput(2, shape.Images, shape.Groups) is { } deviation ? deviation.Floats : null;
            context.ParallelFor(shape.Tasks, task =>
            {
                for (var index = shape.First(task); index < shape.First(task + 1); index++)
                {
                    var channel = index % shape.Groups * shape.GroupChannels;
                    var (average, inverse) = Normalize(shape, input + (index * shape.GroupSize), scale + channel, bias + channel, output + (index * shape.GroupSize));
                    if (means != null)
                    {
                        means[index] = average;
                    }

                    if (deviations != null)
                    {
                        deviations[index] = inverse;
                    }
                }
            });
        }

        private (float Mean, float InverseDeviation) Normalize(GroupNormShape shape, float* input, float* scale, float* bias, float* output)
        {
            var mean = Elementwise.Sum<TVector>(input, shape.GroupSize) / shape.GroupSize;
            var variance = Elementwise.SumOfSquares<TVector>(input, shape.GroupSize, mean) / shape.GroupSize;
            var inverse = 1 / MathF.Sqrt(variance + attributes.Epsilon);
            for (var channel = 0; channel < shape.GroupChannels; channel++, input += shape.ChannelSize, output += shape.ChannelSize)
            {
                var factor = inverse * scale[channel];
                Apply(input, shape.ChannelSize, factor, bias[channel] - (mean * factor), output);
            }

            return (mean, inverse);
        }

        private static void Apply(float* input, long count, float factor, float offset, float* output)
        {
            TVector factors = TVector.Create(factor), offsets = TVector.Create(offset);
            var whole = count - (count % TVector.Count);
            for (long i = 0; i < whole; i += TVector.Count)
            {
                TVector.Store(TActivation.Value(TVector.MultiplyAdd(TVector.Load(input + i), factors, offsets)), output + i);
            }

            if (whole < count)
            {
                ApplyPart(input + whole, count - whole, factor, offset, output + whole);
            }
        }

        private static void ApplyPart(float* input, long count, float factor, float offset, float* output)
        {
            var rest = Elementwise.LoadPart<TVector>(input, count, 0);
            Elementwise.StorePart(TActivation.Value(TVector.MultiplyAdd(rest, TVector.Create(factor), TVector.Create(offset))), output, count);
        }
    }
}
