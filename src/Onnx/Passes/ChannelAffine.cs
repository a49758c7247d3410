namespace CompressTool.Onnx.Passes;

/// <summary>A factor and a summand for every channel: y = x · factor + shift.</summary>
internal sealed class ChannelAffine
{
    private readonly double[] _factors;
    private readonly double[] _shifts;

    /// <summary>Leaves all channels as they are.</summary>
    public ChannelAffine(int channels)
        : this([.. Enumerable.Repeat(1.0, channels)], new double[channels])
    {
    }

    private ChannelAffine(double[] factors, double[] shifts) => (_factors, _shifts) = (factors, shifts);

    /// <summary>The factors.</summary>
    public ReadOnlySpan<double> Factors => _factors;

    /// <summary>The summands.</summary>
    public ReadOnlySpan<double> Shifts => _shifts;

    /// <summary>True when no channel is scaled.</summary>
    public bool IsShift => Array.TrueForAll(_factors, factor => factor == 1);

    /// <summary>True when all numbers are finite.</summary>
    public bool IsFinite => Array.TrueForAll(_factors, double.IsFinite) && Array.TrueForAll(_shifts, double.IsFinite);

    /// <summary>This one and then another.</summary>
    public ChannelAffine Then(ChannelAffine next) => new(
        [.. _factors.Zip(next._factors, (first, second) => first * second)],
        [.. _shifts.Zip(next._factors, (shift, factor) => shift * factor).Zip(next._shifts, (scaled, shift) => scaled + shift)]);

    /// <summary>What a node does to the channels of one of its inputs; null when it is something else, or not known before the model runs.</summary>
    /// <param name="model">The model.</param>
    /// <param name="use">The node and which of its inputs.</param>
    /// <param name="rank">Number of axes of the input; the second one holds the channels.</param>
    /// <param name="channels">How many channels.</param>
    public static ChannelAffine? Of(Model model, Use use, int rank, int channels)
    {
        var (node, index) = use;
        if (node.Domain.Length > 0 || node.Outputs is not [{ }, ..] || node.Outputs.Skip(1).Any(output => output is not null))
        {
            return null;
        }

        return node.OpType switch
        {
            "BatchNormalization" => index == 0 && IsInference(node, model.Opset) ? Normalization(model, node, channels) : null,
            "Mul" => Operand(node.Inputs[1 - index]) is { } factors ? new ChannelAffine(factors, new double[channels]) : null,
            "Div" => index == 0 && Operand(node.Inputs[1]) is { } divisors ? new ChannelAffine(Array.ConvertAll(divisors, divisor => 1 / divisor), new double[channels]) : null,
            "Add" => Operand(node.Inputs[1 - index]) is { } summands ? new ChannelAffine(Ones(), summands) : null,
            "Sub" when index == 0 => Operand(node.Inputs[1]) is { } subtrahends ? new ChannelAffine(Ones(), Array.ConvertAll(subtrahends, x => -x)) : null,
            "Sub" => Operand(node.Inputs[0]) is { } minuends ? new ChannelAffine(Array.ConvertAll(Ones(), x => -x), minuends) : null,
            _ => null,
        };

        double[] Ones() => [.. Enumerable.Repeat(1.0, channels)];

        // Before version 7 an attribute says how shapes go together.
        double[]? Operand(Value? value) => model.Opset >= 7 && BatchNormalizationFolding.Constant(model, value) is { } tensor ? PerChannel(tensor, rank, channels) : null;
    }

    /// <summary>A number per channel out of one number, or of a tensor that is long along the axis of the channels alone; null otherwise.</summary>
    public static double[]? PerChannel(Tensor tensor, int rank, int channels)
    {
        // Lengths count from the last axis; more axes than the input has would give the result more.
        var axis = tensor.Dims.Count - rank + 1;
        if (!IsReadable(tensor) || tensor.Dims.Count > rank || (tensor.Count != 1 && (tensor.Count != channels || axis < 0 || tensor.Dims[axis] != channels)))
        {
            return null;
        }

        var numbers = Array.ConvertAll(tensor.ToFloats(), x => (double)x);
        return numbers.Length == channels ? numbers : [.. Enumerable.Repeat(numbers[0], channels)];
    }

    private static ChannelAffine? Normalization(Model model, Node node, int channels)
    {
        if (Numbers(1) is not { } scale || Numbers(2) is not { } shift || Numbers(3) is not { } mean || Numbers(4) is not { } variance)
        {
            return null;
        }

        var epsilon = (double)node.GetFloat("epsilon", 1e-5f);
        var factors = new double[channels];
        var shifts = new double[channels];
        for (var channel = 0; channel < channels; channel++)
        {
            factors[channel] = scale[channel] / Math.Sqrt(variance[channel] + epsilon);
            shifts[channel] = shift[channel] - (mean[channel] * factors[channel]);
        }

        return new ChannelAffine(factors, shifts);

        double[]? Numbers(int input) => BatchNormalizationFolding.Constant(model, node.Input(input)) is { } tensor && IsReadable(tensor) && tensor.Count == channels && tensor.Dims.Count == 1
            ? Array.ConvertAll(tensor.ToFloats(), x => (double)x) : null;
    }

    /// <summary>True when the node takes mean and variance from its inputs, for each channel; how that is said has changed with the versions.</summary>
    private static bool IsInference(Node node, long opset) =>
        node.GetInt("training_mode", 0) == 0 && (opset >= 7 || node.GetInt("is_test", 0) != 0) && (opset >= 9 || node.GetInt("spatial", 1) == 1);

    private static bool IsReadable(Tensor tensor) => tensor.Type is DataType.Float or DataType.Float16 or DataType.BFloat16;
}
