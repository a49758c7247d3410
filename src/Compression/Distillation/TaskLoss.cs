using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Expressions;
using CompressTool.Training.Loop;

namespace CompressTool.Compression.Distillation;

/// <summary>A term of a loss: its name, its weight, and the array of the batch that the output is compared with.</summary>
internal readonly record struct ErrorTerm(string Name, double Weight, string Target);

/// <summary>The loss of a model on its task: mean squared errors between its first output and targets, weighted by sample where the data says so.</summary>
internal static class TaskLoss
{
    /// <summary>The output that is the loss.</summary>
    public const string Name = "loss";

    /// <summary>The output that the loss looks at: the first that is float32.</summary>
    /// <exception cref="CompressToolException">There is none.</exception>
    public static Value OutputOf(Model model) => model.Graph.Outputs.FirstOrDefault(output => output.ElementType == DataType.Float)
        ?? throw new CompressToolException(CompressionErrors.UnsuitableModel, "no output of the model is float32, and only such a model can be trained; train before quantizing") { OptionPath = "data" };

    /// <summary>The model once more; the weights stay in their file.</summary>
    public static Model Copy(Model model) => model.Path is { } path ? Model.Load(path) : Model.Parse(model.ToBytes());

    /// <summary>A model prepared for training, with a loss and its terms as its outputs.</summary>
    /// <param name="model">The model, which is changed.</param>
    /// <param name="outputName">The output that is compared.</param>
    /// <param name="part">Samples as they will be computed at once: they tell the shapes of inputs and targets.</param>
    /// <param name="terms">The terms: a weighted sum of mean squared errors.</param>
    /// <exception cref="CompressToolException">A target is not there or has another shape.</exception>
    public static TrainingGraph Build(Model model, string outputName, Batch part, IReadOnlyList<ErrorTerm> terms)
    {
        var shapes = model.Graph.Inputs.ToDictionary(input => input.Name, input => Shape.Of(part.Arrays[input.Name].Dims));
        var graph = TrainingGraph.Create(model, new InferenceOptions { InputShapes = shapes }, Trainable(model), TrainingPrecision.Float32);
        var builder = graph.Builder;
        var output = builder.Of(model.Graph.Outputs.First(value => value.Name == outputName));
        foreach (var other in model.Graph.Outputs.Distinct().ToArray())
        {
            model.Graph.Outputs.Remove(other);
        }

        var weight = part.Arrays.TryGetValue(NoisySource.Weight, out var weights) ? builder.Input(NoisySource.Weight, weights.Type, weights.Dims) : null;
        Expr? loss = null;
        foreach (var term in terms)
        {
            var array = part.Arrays.GetValueOrDefault(term.Target)
                ?? throw new CompressToolException(CompressionErrors.InvalidTraining, $"the data has no tensor '{term.Target}', which the loss compares the output '{outputName}' with") { OptionPath = "data.tensors" };
            if (!array.Dims.SequenceEqual(output.Dims))
            {
                throw new CompressToolException(CompressionErrors.InvalidTraining, $"'{term.Target}' is {array}, and the output '{outputName}' is [{string.Join(',', output.Dims)}]") { OptionPath = "data" };
            }

            var error = (output - builder.Input(term.Target, array.Type, array.Dims)).Square().Mean([.. Enumerable.Range(1, output.Rank - 1)]);
            var value = ((weight is null ? error : error * weight).Mean() * term.Weight).Reshape();
            builder.AddOutput(term.Name, value);
            loss = loss is null ? value : loss + value;
        }

        builder.AddOutput(Name, loss!);
        return graph;
    }

    /// <summary>Weights, biases and scales; not tables of positions and the like, nor single numbers, which exporters keep beside them as initializers.</summary>
    private static IEnumerable<string> Trainable(Model model) =>
        model.Graph.Initializers.Where(value => value.Initializer is { Type: DataType.Float or DataType.Float16 or DataType.BFloat16, Count: > 1, IsTrainable: true }).Select(value => value.Name);
}
