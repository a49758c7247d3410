using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Engine.Fusion;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Engine;

/// <summary>ONNX Runtime as an engine that trains: the gradient is a graph as well, so the runtime needs no training of its own.</summary>
public sealed class OnnxRuntimeTrainingEngine : ITrainingEngine
{
    private readonly OnnxRuntimeEngine _engine = new();

    /// <inheritdoc/>
    public string Name => _engine.Name;

    /// <inheritdoc/>
    public string Version => _engine.Version;

    /// <inheritdoc/>
    public IReadOnlyList<string> Providers => _engine.Providers;

    /// <inheritdoc/>
    public ICompiledFunction Compile(string modelPath, EngineOptions? options = null, CancellationToken cancellationToken = default) =>
        _engine.Compile(modelPath, options, cancellationToken);

    /// <inheritdoc/>
    public ICompiledFunction Compile(Model model, EngineOptions? options = null, CancellationToken cancellationToken = default) =>
        _engine.Compile(model, options, cancellationToken);

    /// <inheritdoc/>
    public IDeviceMemory OpenDeviceMemory(EngineOptions? options = null) => _engine.OpenDeviceMemory(options);

    /// <inheritdoc/>
    public ICompiledFunction CompileGradient(Model model, string loss, IReadOnlyList<string> by, GradientOptions? gradientOptions = null, EngineOptions? options = null, CancellationToken cancellationToken = default)
    {
        gradientOptions ??= new GradientOptions();

        // Rounding has to stay where the graph has it: gradients read the numbers around it, and weights that are trained are no integers yet.
        options = (options ?? new EngineOptions()) with { PlanMemory = false, FuseQuantization = false };
        var builder = new GraphBuilder(model) { UseKernels = gradientOptions.UseKernels && options.Providers.Count == 0 };
        if (builder.UseKernels)
        {
            GroupNormFusion.Run(builder);
            SiluFusion.Run(builder);
            FakeQuantizationFusion.Run(builder);
            options = options with { CustomOperators = [.. options.CustomOperators, .. TrainingKernels.All] };
        }

        var inputs = model.Graph.Inputs.ToDictionary(input => input.Name);
        var tape = Differentiator.Differentiate(
            builder.Of(model.Graph.Outputs.FirstOrDefault(output => output.Name == loss) ?? throw Errors.NoValue(model.Graph, loss)),
            gradientOptions.LossScale ? builder.Input(TrainingGraph.LossScale, DataType.Float) : null,
            [.. by.Select(name => builder.Of(inputs.GetValueOrDefault(name) ?? throw Errors.NoValue(model.Graph, name)))]);
        foreach (var (name, gradient) in by.Zip(tape.Gradients))
        {
            builder.AddOutput(TrainingGraph.GradientPrefix + name, gradient);
        }

        model.Graph.RemoveUnused();
        var order = new ExecutionOrder(model.Graph);
        if (gradientOptions.Segments != 1)
        {
            Checkpointing.Run(builder, tape, gradientOptions.Segments);
        }

        order.Apply();
        return _engine.Compile(model, options, cancellationToken);
    }
}
