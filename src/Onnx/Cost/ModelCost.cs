using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;

namespace CompressTool.Onnx.Cost;

/// <summary>
/// What a model costs: multiply-accumulate operations of one forward pass, parameters and bytes.
/// </summary>
/// <remarks>
/// MACs: a product counts as one with its addition; bias adds, normalisations and activations count nothing. Products of
/// computed values (attention scores, and their product with values) are counted apart, since many papers leave them out.
/// What only depends on constants counts nothing: the runtime computes it once, while loading. Of the branches of an If the
/// costlier one counts; a loop counts as often as it is known to run at most, else once.
/// Parameters: elements of floating-point initializers of at least one dimension and of quantized weights; not the scales and
/// zero points of quantization, the settings of operators, nor tensors of Constant nodes, where exporters keep the numbers of
/// their arithmetic. Tensors that share their bytes count once.
/// </remarks>
public sealed class ModelCost
{
    private ModelCost(IReadOnlyList<NodeCost> nodes, IReadOnlyList<Weight> weights, long bytes, long batch, IReadOnlyList<string> countedAsOne)
    {
        Nodes = nodes;
        Weights = weights;
        Bytes = bytes;
        Batch = batch;
        CountedAsOne = countedAsOne;
        foreach (var node in nodes)
        {
            Macs = checked(Macs + node.Macs);
            MacsWithAttention = checked(MacsWithAttention + node.MacsWithAttention);
        }
    }

    /// <summary>The nodes that have products or weights, in graph order.</summary>
    public IReadOnlyList<NodeCost> Nodes { get; }

    /// <summary>Multiply-accumulate operations with weights, for the whole batch.</summary>
    public long Macs { get; }

    /// <summary>All multiply-accumulate operations, for the whole batch.</summary>
    public long MacsWithAttention { get; }

    /// <summary>The batch that the MACs are for: the first dimension of the first of the inputs with most dimensions; 1 when it is a symbol without a number.</summary>
    public long Batch { get; }

    /// <summary>The MACs divided by <see cref="Batch"/>.</summary>
    public SampleCost PerSample => new((double)Macs / Batch, (double)MacsWithAttention / Batch);

    /// <summary>The weights, each shared one once.</summary>
    public IReadOnlyList<Weight> Weights { get; }

    /// <summary>The elements of all weights.</summary>
    public long Parameters => Weights.Sum(weight => weight.Elements);

    /// <summary>The bytes of all initializers, scales and shapes included, each shared one once.</summary>
    public long Bytes { get; }

    /// <summary>The symbols that counted as 1, since nothing gave them a number.</summary>
    public IReadOnlyList<string> CountedAsOne { get; }

    /// <summary>Lengths that the model is made for and that were taken, since nothing gave the symbols another number.</summary>
    public IReadOnlyDictionary<string, long> CountedAsUsual { get; private init; } = new Dictionary<string, long>();

    /// <summary>Measures a model; weights are not read.</summary>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="bindings">Numbers for symbolic dimensions; the others are as the model is made for (<see cref="UsualDims"/>), or count as 1.</param>
    /// <exception cref="CompressToolException">Shapes contradict each other (CMP2006), or a binding names no symbol (CMP2010).</exception>
    public static ModelCost Measure(Model model, IReadOnlyDictionary<string, long>? bindings = null)
    {
        try
        {
            var usual = UsualDims.Of(model).Where(pair => bindings?.ContainsKey(pair.Key) != true).ToDictionary();
            return MeasureChecked(model, new InferenceOptions { Bindings = usual.Concat(bindings ?? new Dictionary<string, long>()).ToDictionary(), Refresh = true }, usual);
        }
        catch (OverflowException e)
        {
            throw new CompressToolException(OnnxErrors.ShapeMismatch, "the model's sizes are larger than 64 bits can count", inner: e);
        }
    }

    /// <summary>Counts the zeros among the parameters; reads all weights once, in pieces.</summary>
    /// <exception cref="CompressToolException">The weights are missing or cannot be read.</exception>
    public ModelSparsity MeasureSparsity(CancellationToken cancellationToken = default) =>
        new([.. Weights.Select(weight => ZeroCount.Of(weight, cancellationToken)).OfType<WeightSparsity>()]);

    private static ModelCost MeasureChecked(Model model, InferenceOptions options, IReadOnlyDictionary<string, long> usual)
    {
        var result = ShapeInference.Analyze(model, options);
        var walk = new CostWalk();
        var costs = walk.Measure(model.Graph, result.Inference);
        var (weights, bytes) = CollectWeights(model);
        var elements = weights.ToDictionary(weight => weight.Value);
        var nodes = new List<NodeCost>();
        foreach (var cost in costs)
        {
            var own = cost.Weights.Select(elements.GetValueOrDefault).OfType<Weight>().ToArray();
            if (cost.Macs > 0 || cost.AttentionMacs > 0 || own.Length > 0)
            {
                nodes.Add(new NodeCost(cost.Node, cost.Macs, cost.AttentionMacs, own.Sum(weight => weight.Elements), own.Sum(weight => weight.Bytes)));
            }
        }

        return new ModelCost(nodes, weights, bytes, BatchOf(model, result), [.. walk.CountedAsOne.Order(StringComparer.Ordinal)]) { CountedAsUsual = usual };
    }

    private static (List<Weight> Weights, long Bytes) CollectWeights(Model model)
    {
        var weights = new List<Weight>();
        var seen = new HashSet<object>();
        long bytes = 0;
        foreach (var value in model.Graph.AllGraphs().SelectMany(graph => graph.Initializers))
        {
            var tensor = value.Initializer!;
            object storage = tensor.Data is FileData file ? (file.File, file.Offset, file.Length) : tensor.Strings is null ? tensor.Data : tensor;
            if (!seen.Add(storage))
            {
                continue;
            }

            bytes = checked(bytes + tensor.ByteLength);
            if (WeightUses.Elements(value) is > 0 and var elements)
            {
                weights.Add(new Weight(value, elements, tensor.ByteLength));
            }
        }

        return (weights, bytes);
    }

    private static long BatchOf(Model model, InferenceResult result) =>
        model.Graph.Inputs.Where(input => input.Initializer is null).Select(input => result.TypeOf(input)?.Shape).OfType<Shape>()
            .MaxBy(shape => shape.Count) is { Count: > 0 } widest && widest[0].Value is > 0 and var batch ? batch : 1;
}
