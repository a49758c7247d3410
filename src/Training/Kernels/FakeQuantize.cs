using System.Numerics;
using CompressTool.Runtime.CustomOperators;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Kernels;

/// <summary><c>FakeQuantize(X) -> Y</c>: what QuantizeLinear and DequantizeLinear make of numbers, in one pass: y = round(clamp(x / scale, lowest, highest)) * scale.</summary>
/// <remarks>
/// Input: X, float32. Output: Y of its shape. Attributes: <c>scale</c>; <c>lowest</c> and <c>highest</c>, the smallest and the largest
/// integer less the zero point. Ties go to the even integer, bit for bit as in ONNX Runtime.
/// </remarks>
public sealed class FakeQuantize() : CustomOperator(nameof(FakeQuantize), [OperatorParameter.Float], [OperatorParameter.Float])
{
    /// <inheritdoc/>
    public override CustomKernel CreateKernel(KernelInfo info) => new Kernel(FakeQuantizeRange.Of(info));

    private sealed unsafe class Kernel(FakeQuantizeRange range) : CustomKernel
    {
        public override void Compute(KernelContext context)
        {
            var x = context.Input(0);
            var result = context.Output(0, [.. x.Dims]).Floats;
            context.ParallelFor(FakeQuantizeRange.Tasks(x.Count), task =>
            {
                var (first, count) = FakeQuantizeRange.Part(task, x.Count);
                Quantize(new ReadOnlySpan<float>(x.Floats + first, count), new Span<float>(result + first, count));
            });
        }

        private void Quantize(ReadOnlySpan<float> source, Span<float> target)
        {
            var (scale, lowest, highest) = (new Vector<float>(range.Scale), new Vector<float>(range.Lowest), new Vector<float>(range.Highest));
            var i = 0;
            for (; i <= source.Length - Vector<float>.Count; i += Vector<float>.Count)
            {
                (Vector.Round(Vector.Min(Vector.Max(new Vector<float>(source[i..]) / scale, lowest), highest)) * scale).CopyTo(target[i..]);
            }

            for (; i < source.Length; i++)
            {
                target[i] = MathF.Round(MathF.Min(MathF.Max(source[i] / range.Scale, range.Lowest), range.Highest)) * range.Scale;
            }
        }
    }
}

/// <summary><c>FakeQuantizeGrad(dY, X) -> dX</c>: the gradient of <see cref="FakeQuantize"/> by X: rounding lets it through, clamping stops it (Bengio et al. 2013).</summary>
/// <remarks>Inputs: dY and X, float32 of the same shape. Output: dX of that shape. Attributes as there.</remarks>
public sealed class FakeQuantizeGrad() : CustomOperator(nameof(FakeQuantizeGrad), [OperatorParameter.Float, OperatorParameter.Float], [OperatorParameter.Float])
{
    /// <inheritdoc/>
    public override CustomKernel CreateKernel(KernelInfo info) => new Kernel(FakeQuantizeRange.Of(info));

    private sealed unsafe class Kernel(FakeQuantizeRange range) : CustomKernel
    {
        public override void Compute(KernelContext context)
        {
            var (gradient, x) = (context.Input(0), context.Input(1));
            if (!gradient.Dims.SequenceEqual(x.Dims))
            {
                throw new Onnx.Diagnostics.CompressToolException(Runtime.RuntimeErrors.InvalidInput, $"dY {gradient} must be like X {x}.");
            }

            var result = context.Output(0, [.. x.Dims]).Floats;
            context.ParallelFor(FakeQuantizeRange.Tasks(x.Count), task =>
            {
                var (first, count) = FakeQuantizeRange.Part(task, x.Count);
                Differentiate(new ReadOnlySpan<float>(gradient.Floats + first, count), new ReadOnlySpan<float>(x.Floats + first, count), new Span<float>(result + first, count));
            });
        }

        private void Differentiate(ReadOnlySpan<float> gradient, ReadOnlySpan<float> x, Span<float> target)
        {
            var (scale, lowest, highest) = (new Vector<float>(range.Scale), new Vector<float>(range.Lowest), new Vector<float>(range.Highest));
            var i = 0;
            for (; i <= x.Length - Vector<float>.Count; i += Vector<float>.Count)
            {
                var level = Vector.Round(new Vector<float>(x[i..]) / scale);
                var passes = Vector.GreaterThanOrEqual(level, lowest) & Vector.LessThanOrEqual(level, highest);
                Vector.ConditionalSelect(passes, new Vector<float>(gradient[i..]), Vector<float>.Zero).CopyTo(target[i..]);
            }

            for (; i < x.Length; i++)
            {
                var level = MathF.Round(x[i] / range.Scale);
                target[i] = level >= range.Lowest && level <= range.Highest ? gradient[i] : 0;
            }
        }
    }
}

/// <summary>The attributes of <see cref="FakeQuantize"/> and its gradient.</summary>
/// <param name="Scale">The distance of two levels.</param>
/// <param name="Lowest">The smallest integer less the zero point.</param>
/// <param name="Highest">The largest.</param>
internal readonly record struct FakeQuantizeRange(float Scale, float Lowest, float Highest)
{
    private const int TaskSize = 32768;

    /// <summary>The attributes of a node.</summary>
    public Attribute[] Attributes => [Attribute.Float("scale", Scale), Attribute.Float("lowest", Lowest), Attribute.Float("highest", Highest)];

    /// <summary>Those that a kernel is given.</summary>
    public static FakeQuantizeRange Of(KernelInfo info) => new(info.GetFloat("scale"), info.GetFloat("lowest"), info.GetFloat("highest"));

    /// <summary>Parts that threads compute.</summary>
    public static int Tasks(long count) => (int)((count + TaskSize - 1) / TaskSize);

    /// <summary>First element and length of a part.</summary>
    public static (long First, int Count) Part(int task, long count) => ((long)task * TaskSize, (int)Math.Min(TaskSize, count - ((long)task * TaskSize)));
}
