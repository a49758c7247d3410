using CompressTool.Onnx;

namespace CompressTool.Runtime.Engine;

/// <summary>What every engine can do by what it can.</summary>
public static class EngineExtensions
{
    /// <summary>Prepares a model to run that is as it was read: from its file where it has one, so that its weights are not in memory twice.</summary>
    /// <inheritdoc cref="IEngine.Compile(Model, EngineOptions?, CancellationToken)"/>
    public static ICompiledFunction CompileUnchanged(this IEngine engine, Model model, EngineOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(model);
        return model.Path is { } path ? engine.Compile(path, options, cancellationToken) : engine.Compile(model, options, cancellationToken);
    }
}
