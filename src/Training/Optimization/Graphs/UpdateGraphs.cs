using CompressTool.Onnx;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Optimization.Graphs;

/// <summary>
/// What the passes over parameter blocks do, as graphs of standard operators that any provider runs: the norm of gradients,
/// sums of gradients, and the optimizer's update. Inputs and outputs are named by the block's prefix and the parameter.
/// </summary>
internal static class UpdateGraphs
{
    /// <summary>Prefixes of a parameter's arrays; a state has its own name.</summary>
    public const string Weight = "weight/", Gradient = "gradient/", Part = "part/", Average = "average/", Mask = "mask/", New = "new ";

    /// <summary>Inputs that are numbers.</summary>
    public const string GradientScale = "gradient scale", PartScale = "part scale", AverageRate = "average rate";

    /// <summary>The output of <see cref="CreateNorm"/>, float64.</summary>
    public const string Norm = "norm";

    private const int Opset = 17;

    /// <summary>The prefix of an optimizer's state.</summary>
    public static string State(OptimizerState state) => $"{state.Name}/";

    /// <summary>The parameters that there is something to do for: those with elements.</summary>
    public static IEnumerable<(int Index, ParameterSlot Slot)> Slots(ParameterLayout layout) => layout.Slots.Index().Where(slot => slot.Item.Count > 0);

    /// <summary>The root of the sum of squares of all gradients, without those of pruned weights.</summary>
    public static Model CreateNorm(ParameterSet parameters)
    {
        var builder = NewBuilder();
        var gradients = Slots(parameters.Layout).Select(slot => Masked(builder, parameters, slot.Index, Input(builder, Gradient, slot.Slot))).ToList();

        // Squares of a row are added in float32, which every provider can; the rows, of which there are few, in float64.
        Expr? sum = null;
        foreach (var gradient in gradients)
        {
            var rows = gradient.Rank <= 1 ? gradient.Reshape(1, -1) : gradient.Reshape(gradient.Dims[0], -1);
            var squares = builder.Node("ReduceSumSquare", [rows], Attribute.Ints("axes", 1), Attribute.Int("keepdims", 0)).Cast(DataType.Double).Sum();
            sum = sum is null ? squares : sum + squares;
        }

        builder.AddOutput(Norm, (sum ?? builder.Scalar(0, DataType.Double)).Sqrt());
        return builder.Model;
    }

    /// <summary>gradient * gradient scale + part * part scale.</summary>
    public static Model CreateSum(ParameterSet parameters)
    {
        var builder = NewBuilder();
        var (scale, partScale) = (builder.Input(GradientScale, DataType.Float), builder.Input(PartScale, DataType.Float));
        var inputs = Slots(parameters.Layout).Select(slot => (slot.Slot.Name, Sum: Input(builder, Gradient, slot.Slot), Part: Input(builder, Part, slot.Slot))).ToList();
        foreach (var (name, sum, part) in inputs)
        {
            builder.AddOutput(New + Gradient + name, (sum * scale) + (part * partScale));
        }

        return builder.Model;
    }

    /// <summary>
    /// The update of a step. Each output may lie where its input does: what reads the old value comes before what writes the
    /// new one, which depends on it.
    /// </summary>
    public static Model CreateUpdate(Optimizer optimizer, bool hasAverage)
    {
        var builder = NewBuilder();
        var layout = optimizer.Parameters.Layout;
        var numbers = optimizer.StepNumbers(0).ToDictionary(number => number.Name, number => builder.Input(number.Name, DataType.Float));
        var scale = builder.Input(GradientScale, DataType.Float);
        var rate = hasAverage ? builder.Input(AverageRate, DataType.Float) : null;
        var inputs = Slots(layout).Select(slot => (
            slot.Index, slot.Slot.Name, Weight: Input(builder, Weight, slot.Slot), Gradient: Input(builder, Gradient, slot.Slot),
            State: optimizer.State.Select(state => Input(builder, State(state), slot.Slot)).ToArray(),
            Average: hasAverage ? Input(builder, Average, slot.Slot) : null)).ToList();
        foreach (var (index, name, weight, gradient, state, average) in inputs)
        {
            var mask = optimizer.Parameters.MaskAt(index) is null ? null : builder.Input(Mask + name, DataType.Bool, weight.Dims);
            var (updated, newState) = optimizer.Write(weight, Keep(mask, gradient * scale), state, optimizer.DecaysAt(index), numbers);
            updated = Keep(mask, updated);
            builder.AddOutput(New + Weight + name, updated);
            foreach (var (part, value) in optimizer.State.Zip(newState))
            {
                builder.AddOutput(New + State(part) + name, value);
            }

            if (average is not null)
            {
                builder.AddOutput(New + Average + name, Keep(mask, average + ((updated - average) * rate!)));
            }
        }

        return builder.Model;
    }

    private static GraphBuilder NewBuilder()
    {
        var model = new Model();
        model.OpsetImports[""] = Opset;
        return new GraphBuilder(model);
    }

    private static Expr Input(GraphBuilder builder, string prefix, ParameterSlot slot) => builder.Input(prefix + slot.Name, DataType.Float, slot.Dims);

    private static Expr Masked(GraphBuilder builder, ParameterSet parameters, int index, Expr value) =>
        Keep(parameters.MaskAt(index) is null ? null : builder.Input(Mask + parameters.Layout.Slots[index].Name, DataType.Bool, value.Dims), value);

    private static Expr Keep(Expr? mask, Expr value) => mask is null ? value : mask.Where(value, value.Number(0));
}
