using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime;
using CompressTool.Runtime.CustomOperators;

namespace CompressTool.Training.Kernels;

/// <summary>
/// <c>GroupNormSiluGrad(dY, X, scale, bias, mean, invstd) -> dX, dscale, dbias</c>: gradients of <see cref="GroupNormSilu"/> by its
/// inputs. With xhat = (x - mean) * invstd, z = xhat * scale + bias and dz = dy * activation'(z): dbias and dscale are the
/// sums of dz and dz * xhat of a channel over all images; dx = invstd * (dz * scale - a - xhat * b) with the averages a and b of
/// dz * scale and dz * scale * xhat over the group.
/// </summary>
/// <remarks>
/// Inputs, all float32: dY and X [N, C, ...], scale [C], bias [C], and mean and invstd [N, num_groups] as GroupNormSilu gave
/// them. Outputs: dX like X, dscale [C], dbias [C]. Attributes: <c>num_groups</c> (required) and <c>activation</c> (1 for SiLU, 0 for
/// none; 1), as the forward node has them. The same bits on any number of threads.
/// </remarks>
public sealed class GroupNormSiluGrad : CustomOperator
{
    private readonly SimdWidth _width;

    /// <summary>Describes the operator.</summary>
    public GroupNormSiluGrad()
        : this(Simd.Best)
    {
    }

    internal GroupNormSiluGrad(SimdWidth width)
        : base("GroupNormSiluGrad", [.. Enumerable.Repeat(OperatorParameter.Float, 6)], [.. Enumerable.Repeat(OperatorParameter.Float, 3)]) => _width = width;

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
            var (gradient, x, mean, deviation) = (context.Input(0), context.Input(1), context.Input(4), context.Input(5));
            var shape = new GroupNormShape(attributes, x, context.Input(2), context.Input(3));
            if (!gradient.Dims.SequenceEqual(x.Dims) || !mean.Dims.SequenceEqual([shape.Images, shape.Groups]) || !deviation.Dims.SequenceEqual(mean.Dims))
            {
                throw new CompressToolException(RuntimeErrors.InvalidInput, $"dY {gradient} must be like X {x}, and mean {mean} and invstd {deviation} must have a number for each of {shape.Images} images and {shape.Groups} groups.");
            }

            float* scale = context.Input(2).Floats, bias = context.Input(3).Floats;
            var result = context.Output(0, [.. x.Dims]).Floats;
            float* scaleGradient = context.Output(1, shape.Channels).Floats, biasGradient = context.Output(2, shape.Channels).Floats;

            // Sums of dz * xhat and of dz for each channel of each image.
            using var memory = context.Allocate(2 * shape.Images * shape.Channels * sizeof(float));
            float* scaleSums = memory.Floats, biasSums = scaleSums + (shape.Images * shape.Channels);
            context.ParallelFor(shape.Tasks, task =>
            {
                for (var index = shape.First(task); index < shape.First(task + 1); index++)
                {
                    var (channel, offset, sums) = (index % shape.Groups * shape.GroupChannels, index * shape.GroupSize, index * shape.GroupChannels);
                    Differentiate(shape, gradient.Floats + offset, x.Floats + offset, scale + channel, bias + channel, mean.Floats[index], deviation.Floats[index],
                        result + offset, scaleSums + sums, biasSums + sums);
                }
            });

            AddImages(shape, scaleSums, scaleGradient);
            AddImages(shape, biasSums, biasGradient);
        }

        private static void Differentiate(GroupNormShape shape, float* gradient, float* x, float* scale, float* bias, float mean, float inverse, float* result, float* scaleSums, float* biasSums)
        {
            float a = 0, b = 0;
            for (var channel = 0; channel < shape.GroupChannels; channel++)
            {
                var offset = channel * shape.ChannelSize;
                (biasSums[channel], scaleSums[channel]) = Sum(gradient + offset, x + offset, shape.ChannelSize, scale[channel], bias[channel], mean, inverse, result + offset);
                a += scale[channel] * biasSums[channel];
                b += scale[channel] * scaleSums[channel];
            }

            // dx = dz * (scale * invstd) - x * slope + (mean * slope - invstd * a), with b's part in the slope.
            var slope = inverse * inverse * b / shape.GroupSize;
            var constant = (mean * slope) - (inverse * a / shape.GroupSize);
            for (var channel = 0; channel < shape.GroupChannels; channel++)
            {
                var offset = channel * shape.ChannelSize;
                Finish(x + offset, shape.ChannelSize, scale[channel] * inverse, -slope, constant, result + offset);
            }
        }

        /// <summary>Writes dz of a channel to the result, for now, and sums dz and dz * xhat.</summary>
        private static (float Sum, float SumWithInput) Sum(float* gradient, float* x, long count, float scale, float bias, float mean, float inverse, float* result)
        {
            TVector sum = TVector.Create(0), sumWithInput = sum, factors = TVector.Create(inverse), offsets = TVector.Create(-mean * inverse), scales = TVector.Create(scale), biases = TVector.Create(bias);
            var whole = count - (count % TVector.Count);
            for (long i = 0; i < whole; i += TVector.Count)
            {
                var normalized = TVector.MultiplyAdd(TVector.Load(x + i), factors, offsets);
                var dz = TVector.Load(gradient + i) * TActivation.Derivative(TVector.MultiplyAdd(normalized, scales, biases));
                TVector.Store(dz, result + i);
                sum += dz;
                sumWithInput = TVector.MultiplyAdd(dz, normalized, sumWithInput);
            }

            var sums = (TVector.Sum(sum), TVector.Sum(sumWithInput));
            if (whole < count)
            {
                // Where there is no element its gradient, and so all it adds, is zero.
                var buffers = stackalloc float[3 * Elementwise.MostLanes];
                float* gradients = buffers + Elementwise.MostLanes, results = gradients + Elementwise.MostLanes;
                TVector.Store(Elementwise.LoadPart<TVector>(x + whole, count - whole, mean), buffers);
                TVector.Store(Elementwise.LoadPart<TVector>(gradient + whole, count - whole, 0), gradients);
                var (rest, restWithInput) = Sum(gradients, buffers, TVector.Count, scale, bias, mean, inverse, results);
                Elementwise.StorePart(TVector.Load(results), result + whole, count - whole);
                return (sums.Item1 + rest, sums.Item2 + restWithInput);
            }

            return sums;
        }

        /// <summary>Turns dz of a channel into dx.</summary>
        private static void Finish(float* x, long count, float factor, float slope, float constant, float* result)
        {
            TVector factors = TVector.Create(factor), slopes = TVector.Create(slope), constants = TVector.Create(constant);
            var whole = count - (count % TVector.Count);
            for (long i = 0; i < whole; i += TVector.Count)
            {
                TVector.Store(TVector.MultiplyAdd(TVector.Load(result + i), factors, TVector.MultiplyAdd(TVector.Load(x + i), slopes, constants)), result + i);
            }

            for (var i = whole; i < count; i++)
            {
                result[i] = (result[i] * factor) + ((x[i] * slope) + constant);
            }
        }

        private static void AddImages(GroupNormShape shape, float* sums, float* result)
        {
            for (var channel = 0L; channel < shape.Channels; channel++)
            {
                float sum = 0;
                for (var image = 0L; image < shape.Images && shape.GroupSize > 0; image++)
                {
                    sum += sums[(image * shape.Channels) + channel];
                }

                result[channel] = sum;
            }
        }
    }
}
