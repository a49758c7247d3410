using CompressTool.Compression.Distillation;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Engine;
using CompressTool.Training.Loop;
using CompressTool.Training.Optimization;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>The loss of a model on its task and its gradients by all weights, for as many samples as are computed at once.</summary>
internal sealed class GradientStep : IDisposable
{
    private readonly ICompiledFunction _function;
    private readonly FunctionStep _step;

    /// <summary>Prepares the gradients of a model.</summary>
    /// <param name="model">The model, with the weights that it has now.</param>
    /// <param name="part">Samples as they will be computed at once: inputs and targets.</param>
    /// <param name="options">How the gradients are computed; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="CompressToolException">The model cannot be differentiated, or the samples do not fit it.</exception>
    public GradientStep(Model model, Batch part, GradientOptions? options, CancellationToken cancellationToken)
    {
        Samples = part.Count;
        var output = TaskLoss.OutputOf(model).Name;
        ErrorTerm[] terms = [new("task", 1, NoisySource.Target)];
        using var copy = TaskLoss.Copy(model);
        var graph = TaskLoss.Build(copy, output, part, terms);

        // The values are those of the model as it is now, which may be another than in its file.
        var current = model.Graph.Initializers.ToDictionary(value => value.Name, value => value.Initializer!);
        Parameters = ParameterSet.Create(graph.Parameters.Keys.Select(name => KeyValuePair.Create(name, current[name])));
        var engine = new OnnxRuntimeTrainingEngine();
        _function = engine.CompileGradient(graph.Model, TaskLoss.Name, [.. graph.Parameters.Keys], options, cancellationToken: cancellationToken);
        _step = new FunctionStep(_function, Parameters, TaskLoss.Name, search: new NonFiniteSearch(engine, () => TaskLoss.Build(TaskLoss.Copy(model), output, part, terms).Model));
    }

    /// <summary>Samples that are computed at once.</summary>
    public int Samples { get; }

    /// <summary>The weights.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>The gradients of the last <see cref="Compute"/>.</summary>
    public ParameterBlock Gradients => Parameters.Gradients;

    /// <summary>Computes loss and gradients, both means over the samples.</summary>
    /// <exception cref="CompressToolException">The loss is not finite.</exception>
    public double Compute(Batch part, CancellationToken cancellationToken)
    {
        var loss = _step.Compute(part, Gradients, cancellationToken).Total;
        if (double.IsFinite(loss))
        {
            return loss;
        }

        var place = _step.FindNonFinite(part, cancellationToken);
        throw new CompressToolException(
            CompressionErrors.UnsuitableModel,
            $"the loss is {loss}{(place is null ? "" : $"; {place} is the first that is not finite")}; check the model and the data")
        { OptionPath = "data" };
    }

    /// <summary>The parts of a batch that are computed at once, each with its share of the batch.</summary>
    public IEnumerable<(Batch Part, double Share)> Parts(Batch batch)
    {
        for (var first = 0; first < batch.Count; first += Samples)
        {
            using var part = batch.Slice(first, Samples);
            yield return (part, (double)Samples / batch.Count);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _step.Dispose();
        _function.Dispose();
        Parameters.Dispose();
    }
}
