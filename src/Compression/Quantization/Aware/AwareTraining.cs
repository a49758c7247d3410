using System.Text.Json.Nodes;
using CompressTool.Compression.Distillation;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Quantization.Aware;

/// <summary>
/// Trains the weights of a model that will be quantized: the training sees the rounding (Jacob et al. 2018), and learns to give what the
/// model gave in floating point, so that its data needs no targets (as LSQ and EfficientDM do, among others).
/// </summary>
internal sealed class AwareTraining : IDisposable
{
    private readonly Model _model;
    private readonly StageContext _context;
    private readonly TrainedModel _trained;
    private readonly ICompiledFunction _teacher;
    private readonly TeacherSource _source;

    private AwareTraining(Model model, QuantizationTrainingOptions options, StageContext context)
    {
        (_model, _context) = (model, context);
        _trained = new TrainedModel(model, options, context);
        var (data, fingerprint) = (_trained.OpenData(), TeacherSamples.Fingerprint(model, context));
        _teacher = new OnnxRuntimeEngine().CompileUnchanged(model, cancellationToken: context.CancellationToken);
        _source = new TeacherSource(data, _teacher, _trained.Output.Name, () => fingerprint, _trained.SamplesAtOnce);
    }

    /// <summary>Checks what the types of the options cannot say.</summary>
    /// <param name="options">The options; null when there is no training.</param>
    /// <param name="errors">Takes the errors.</param>
    public static void Validate(QuantizationTrainingOptions? options, OptionErrors errors)
    {
        if (options is null)
        {
            return;
        }

        var inner = new OptionErrors();
        TrainingValidation.Check(options, inner);
        foreach (var (key, message) in inner.Items)
        {
            errors.Add($"training.{key}", message);
        }
    }

    /// <summary>Opens the data, and keeps the model as it is now as the teacher.</summary>
    /// <param name="model">The model, as it is in its file.</param>
    /// <param name="options">The options.</param>
    /// <param name="context">The context of this part of the stage.</param>
    /// <exception cref="CompressToolException">The data does not fit the model.</exception>
    public static AwareTraining Open(Model model, QuantizationTrainingOptions options, StageContext context) => Located(() => new AwareTraining(model, options, context));

    /// <summary>Trains the weights of the model.</summary>
    /// <param name="quantize">Puts fake quantization into a copy of the model.</param>
    /// <returns>The metrics: those of a training, and the mean squared error to the teacher of the quantized model, before and after.</returns>
    /// <exception cref="CompressToolException">An operator has no gradient, or the loss is not finite.</exception>
    public JsonObject Run(Action<Model> quantize) => Located(() =>
    {
        _trained.CreateCopy = () =>
        {
            // Not from the file: the graph has changed since it was read.
            var copy = Model.Parse(_model.ToBytes());
            quantize(copy);
            return copy;
        };
        var errors = new JsonObject();
        var evaluation = new TaskEvaluation(_source, _trained.Output.Name, _trained.SamplesAtOnce, _context, TeacherSource.Array);
        Evaluate("outputErrorBefore");
        var metrics = _trained.Train(_source, [new ErrorTerm("output", 1, TeacherSource.Array)]);
        Evaluate("outputError");
        foreach (var (name, error) in errors)
        {
            metrics[name] = error!.DeepClone();
        }

        return metrics;

        void Evaluate(string name)
        {
            using var copy = _trained.CreateCopy();
            evaluation.Add(errors, name, copy);
        }
    });

    /// <inheritdoc/>
    public void Dispose() => _teacher.Dispose();

    private static T Located<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (CompressToolException e) when (e.OptionPath is { } path && !path.StartsWith("training", StringComparison.Ordinal))
        {
            e.OptionPath = "training." + path;
            throw;
        }
    }
}
