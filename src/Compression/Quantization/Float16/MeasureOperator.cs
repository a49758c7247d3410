using CompressTool.Onnx;
using CompressTool.Runtime.CustomOperators;

namespace CompressTool.Compression.Quantization.Float16;

/// <summary>Looks at a value while the model runs, and at what it is when the inputs of its node are rounded. Nothing of the run has to be kept.</summary>
/// <param name="values">How many values there are.</param>
internal sealed class MeasureOperator(int values)
    : CustomOperator("Measure", [OperatorParameter.Float, OperatorParameter.Float with { IsOptional = true }], [OperatorParameter.Float])
{
    private const string Index = "index";
    private readonly RoundingStatistics[] _statistics = [.. Enumerable.Range(0, values).Select(_ => new RoundingStatistics())];

    /// <summary>What was seen of each value.</summary>
    public IReadOnlyList<RoundingStatistics> Statistics => _statistics;

    /// <summary>Adds a node that looks at a value, and returns its output, which has to be asked for.</summary>
    /// <param name="value">The value: float32.</param>
    /// <param name="computed">The same computed from rounded inputs; null to look at the value alone.</param>
    /// <param name="index">The value's number.</param>
    public Value Watch(Value value, Value? computed, int index) => value.Graph!.AddNode(
        null, OpType, $"{value.Name}_measured", computed is null ? [value] : [value, computed], new TensorType(DataType.Float, Shape.Scalar), Domain, Onnx.Attribute.Int(Index, index));

    /// <inheritdoc/>
    public override CustomKernel CreateKernel(KernelInfo info) => new Kernel(_statistics[(int)info.GetInt(Index)]);

    private sealed class Kernel(RoundingStatistics statistics) : CustomKernel
    {
        private const int Chunk = 1 << 24;

        public override unsafe void Compute(KernelContext context)
        {
            var exact = context.Input(0);
            var computed = context.OptionalInput(1);
            for (long start = 0; start < exact.Count; start += Chunk)
            {
                var length = (int)Math.Min(exact.Count - start, Chunk);
                statistics.Add(new ReadOnlySpan<float>(exact.Floats + start, length), computed is { } other ? new ReadOnlySpan<float>(other.Floats + start, length) : []);
            }

            context.Output(0).Floats[0] = 0;
        }
    }
}

/// <summary>
/// Rounds to float16 and back. Casts would do the same, were it certain that no optimisation takes them away. Numbers beyond float16 stay:
/// what they belong to stays in float32, or is a mask.
/// </summary>
internal sealed class RoundOperator() : CustomOperator(Name, [OperatorParameter.Float], [OperatorParameter.Float])
{
    /// <summary>The operator's name.</summary>
    public const string Name = "RoundToHalf";

    /// <inheritdoc/>
    public override CustomKernel CreateKernel(KernelInfo info) => new Kernel();

    private sealed class Kernel : CustomKernel
    {
        public override unsafe void Compute(KernelContext context)
        {
            var input = context.Input(0);
            var output = context.Output(0, [.. input.Dims]);
            for (long index = 0; index < input.Count; index++)
            {
                var rounded = (float)(Half)input.Floats[index];
                output.Floats[index] = float.IsInfinity(rounded) ? input.Floats[index] : rounded;
            }
        }
    }
}
