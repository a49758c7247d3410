using CompressTool.Onnx;
using CompressTool.Runtime.CustomOperators;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>
/// Looks at a value while the model runs, so that it can be forgotten as soon as nothing else needs it: no value of the graph
/// has to become an output, and the memory of a run stays nearly what it is.
/// </summary>
internal sealed class ObserveOperator : CustomOperator
{
    private const string Index = "index";
    private readonly ValueStatistics[] _statistics;

    /// <summary>An operator for some values.</summary>
    /// <param name="values">How many.</param>
    public ObserveOperator(int values)
        : base("Observe", [OperatorParameter.Float], [OperatorParameter.Float]) =>
        _statistics = [.. Enumerable.Range(0, values).Select(_ => new ValueStatistics())];

    /// <summary>What was seen of each value.</summary>
    public IReadOnlyList<ValueStatistics> Statistics => _statistics;

    /// <summary>The step that runs belong to.</summary>
    public int Step { get; set; }

    /// <summary>Adds a node that looks at a value, and returns its output, which has to be asked for.</summary>
    /// <param name="value">The value: float32.</param>
    /// <param name="index">Its number.</param>
    public Value Watch(Value value, int index) =>
        value.Graph!.AddNode(null, OpType, $"{value.Name}_observed", [value], new TensorType(DataType.Float, Shape.Scalar), Domain, Onnx.Attribute.Int(Index, index));

    /// <inheritdoc/>
    public override CustomKernel CreateKernel(KernelInfo info) => new Kernel(this, (int)info.GetInt(Index));

    private sealed class Kernel(ObserveOperator owner, int index) : CustomKernel
    {
        public override unsafe void Compute(KernelContext context)
        {
            var input = context.Input(0);
            for (long start = 0, count = input.Count; start < count; start += int.MaxValue)
            {
                owner._statistics[index].Add(new ReadOnlySpan<float>(input.Floats + start, (int)Math.Min(count - start, int.MaxValue)), owner.Step);
            }

            context.Output(0).Floats[0] = 0;
        }
    }
}
