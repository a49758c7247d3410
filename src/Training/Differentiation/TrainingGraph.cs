using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;
using CompressTool.Onnx.Passes;
using CompressTool.Training.Engine;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation;

/// <summary>
/// A model prepared for training: its parameters are inputs, so that they can change from run to run, its sizes are numbers, and
/// what does not depend on inputs or parameters is computed already.
/// </summary>
public sealed class TrainingGraph
{
    /// <summary>The prefix of the outputs that hold gradients.</summary>
    public const string GradientPrefix = "gradient of ";

    /// <summary>The input that the gradients are multiplied by when <see cref="GradientOptions.LossScale"/> asks for it.</summary>
    public const string LossScale = "loss scale";

    /// <summary>Operators change between these versions only by additions, RoiAlign excepted, so that a model may be taken for the newer one.</summary>
    private const int OldestOpset = 13, WorkingOpset = 17;

    private readonly Dictionary<string, Tensor> _parameters;

    private TrainingGraph(Model model, Dictionary<string, Tensor> parameters)
    {
        Builder = new GraphBuilder(model);
        _parameters = parameters;
    }

    /// <summary>Where losses are built.</summary>
    public GraphBuilder Builder { get; }

    /// <summary>The model that grows.</summary>
    public Model Model => Builder.Model;

    /// <summary>The parameters and the values they had in the model, in its order.</summary>
    public IReadOnlyDictionary<string, Tensor> Parameters => _parameters;

    /// <summary>Prepares a model.</summary>
    /// <param name="model">The model, which is changed; its weights stay where they are.</param>
    /// <param name="shapes">Numbers for symbolic dimensions, or shapes of inputs; null when the model leaves nothing open.</param>
    /// <param name="trainable">Names of the initializers to train; null for all that are floating-point.</param>
    /// <param name="precision">What 16-bit weights are trained in; the default leaves them as they are.</param>
    /// <exception cref="CompressToolException">A name is not known or not an initializer (CMP7003), a size is missing (CMP7002), or shapes contradict
    /// each other (CMP2006).</exception>
    public static TrainingGraph Create(Model model, InferenceOptions? shapes = null, IEnumerable<string>? trainable = null, TrainingPrecision precision = TrainingPrecision.AsModel)
    {
        FunctionInlining.Run(model);
        RaiseOpset(model);
        var parameters = TakeParameters(model.Graph, trainable, precision);
        if (precision == TrainingPrecision.Float32)
        {
            Widening.Run(model);
        }

        ShapeInference.Run(model, shapes);
        if (model.Graph.Inputs.FirstOrDefault(input => input.Shape?.IsStatic != true) is { } open)
        {
            throw Errors.UnknownShape(open);
        }

        BranchInlining.Run(model);
        BranchMerging.Run(model);
        ConstantFolding.Run(model);
        return new TrainingGraph(model, parameters);
    }

    private static void RaiseOpset(Model model)
    {
        if (model.Opset is < OldestOpset)
        {
            throw new CompressToolException(TrainingErrors.InvalidRequest, $"the model uses opset {model.Opset}, and gradients need {OldestOpset} or newer; export it with opset {WorkingOpset}");
        }

        if (model.Opset < WorkingOpset && !model.Graph.AllNodes().Any(node => node.Is("RoiAlign")))
        {
            model.OpsetImports[""] = WorkingOpset;
        }
    }

    private static Dictionary<string, Tensor> TakeParameters(Graph graph, IEnumerable<string>? trainable, TrainingPrecision precision)
    {
        var names = trainable?.ToHashSet();
        var parameters = new Dictionary<string, Tensor>();
        foreach (var value in graph.Initializers.Where(value => names?.Contains(value.Name) ?? value.Initializer!.Type.IsFloat()).ToArray())
        {
            parameters.Add(value.Name, value.Initializer!);
            graph.RemoveInitializer(value);
            if (!value.IsGraphInput)
            {
                value.Type = new TensorType(parameters[value.Name].Type, Shape.Of(parameters[value.Name].Dims));
                graph.AddInput(value);
            }

            if (precision != TrainingPrecision.AsModel && Widening.IsNarrow(value.ElementType))
            {
                var narrow = value.ElementType;
                value.Type = value.TensorType! with { ElementType = DataType.Float };
                if (precision == TrainingPrecision.Mixed)
                {
                    Widening.Convert(graph, value, narrow);
                }
            }
        }

        if (names?.FirstOrDefault(name => !parameters.ContainsKey(name)) is { } unknown)
        {
            throw new CompressToolException(TrainingErrors.InvalidRequest, $"the model has no initializer '{unknown}'{NearestName.Hint(unknown, [.. graph.Initializers.Select(value => value.Name), .. parameters.Keys])}");
        }

        return parameters;
    }
}
