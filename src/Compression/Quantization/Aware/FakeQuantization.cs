using CompressTool.Compression.Quantization.Static;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Quantization.Aware;

/// <summary>
/// Makes a model compute in floating point what it will compute when it is quantized, from weights that may change: pairs of QuantizeLinear
/// and DequantizeLinear stand where the quantized model has them, and around the weights too, with scales that the graph computes
/// from the weights as they are. Gradients pass the rounding and stop where numbers are clipped; scales are constants for
/// them (Jacob et al. 2018). Biases stay as they are: in 32 bits they lose nothing.
/// </summary>
/// <param name="model">The model, which is changed.</param>
/// <param name="layout">How the integers are laid out.</param>
/// <param name="domain">The domain of the two operators for these.</param>
/// <param name="range">The integers of weights.</param>
/// <param name="perChannel">Whether each output channel of a weight has its own scale.</param>
internal sealed class FakeQuantization(Model model, IntegerLayout layout, string domain, IntegerRange range, bool perChannel)
{
    private const double SmallestNormal = 1.17549435082228751e-38; // 2^-126

    /// <summary>Quantizes layers, and the activations that go with them.</summary>
    /// <param name="layers">Those of the model that this one is a copy of.</param>
    /// <param name="everywhere">Whether what lies between the layers is computed in integers, too.</param>
    /// <param name="parameters">Scales and zero points of activations by the names of the values.</param>
    public void Insert(IEnumerable<Layer> layers, bool everywhere, IReadOnlyDictionary<string, AffineParameters> parameters)
    {
        ShapeInference.Run(model);
        var graph = model.Graph;
        var nodes = layers.SelectMany(layer => layer.Uses).Select(use => graph.FindValue(use.Node.Outputs[0]!.Name)!.Producer!).ToHashSet();
        var plan = new StaticPlan(graph, nodes, everywhere, layout);
        var builder = new GraphBuilder(model) { Position = graph.Nodes[0] };
        foreach (var layer in Layers.Find(graph).Where(layer => nodes.Contains(layer.Node)))
        {
            Insert(builder, layer, value => parameters[plan.SourceOf(value).Name].Scale);
        }

        ActivationPairs.Write(plan, new QdqWriter(graph, layout.Activations, domain), layout.Activations, source => parameters[source.Name]);
    }

    private void Insert(GraphBuilder builder, Layer layer, Func<Value, float> scaleOf)
    {
        // What is no initializer is not trained, and its node may come later than where this is built.
        var weight = layer.Weight.Initializer is null ? builder.Constant(layer.Tensor) : builder.Of(layer.Weight);
        var scale = Scale(builder, layer, weight.StopGradient(), scaleOf);
        var zeroPoint = builder.Constant(Tensor.Create<sbyte>(DataType.Int8, scale.Dims, new sbyte[scale.Count]));
        Attribute[] axis = perChannel ? [Attribute.Int("axis", layer.OutputAxis!.Value)] : [];
        var integers = builder.Node("QuantizeLinear", [weight, scale, zeroPoint], axis);
        var result = builder.Node("DequantizeLinear", [integers, scale, zeroPoint], axis).Value;
        foreach (var (node, index) in layer.Uses.Select(use => Reader(use, layer.Weight)).ToArray())
        {
            node.SetInput(index, result);
        }
    }

    /// <summary>The largest magnitude over the largest integer, as <see cref="AffineParameters.Spread"/> has it, or more where a bias needs it.</summary>
    private Expr Scale(GraphBuilder builder, Layer layer, Expr weight, Func<Value, float> scaleOf)
    {
        int[] axes = [.. Enumerable.Range(0, weight.Rank).Where(axis => !perChannel || axis != layer.OutputAxis)];
        var scale = weight.Abs().Largest(axes) / range.RangeHigh;
        scale = (scale >= SmallestNormal).Where(scale, scale.Number(1));
        foreach (var node in layer.Uses.Select(use => use.Node).Where(_ => layout.HasIntegerBiases))
        {
            if (StaticLayer.BiasOf(node) is { } bias)
            {
                var value = bias.Use.Node.Inputs[bias.Use.Index]!;
                var numbers = value.Initializer is null ? builder.Constant(Tensor.Floats([bias.Values.Length], bias.Values)) : builder.Of(value).StopGradient();
                var smallest = numbers.Reshape(bias.Values.Length).Abs() * (BiasQuantization.SmallestRatio / scaleOf(node.Inputs[0]!));
                scale = scale.Max(perChannel ? smallest : smallest.Largest());
            }
        }

        return scale;
    }

    /// <summary>Where the stored weight is taken, at a layer's node or before a Transpose in front of it.</summary>
    private static Use Reader(Use use, Value weight)
    {
        while (use.Node.Inputs[use.Index] != weight)
        {
            use = new Use(use.Node.Inputs[use.Index]!.Producer!, 0);
        }

        return use;
    }
}
