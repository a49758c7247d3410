using System.Text.Json.Nodes;
using CompressTool.Onnx;

namespace CompressTool.Compression.Stages;

/// <summary>What a kind of stage is, apart from its options.</summary>
/// <param name="Kind">The word in the recipe, e.g. <c>prune</c>.</param>
/// <param name="Version">Raised whenever the same options would give other bytes; part of the stage key.</param>
/// <param name="Description">One or two sentences for help and documentation.</param>
/// <param name="Example">A YAML example of the stage, for the reference and tested there.</param>
public sealed record StageInfo(string Kind, int Version, string Description, string Example)
{
    /// <summary>The share of the stage's time that <see cref="IStage.Run"/> takes, for progress; writing the result, where lazy tensors are computed, takes the rest.</summary>
    public double RunShare { get; init; } = 0.5;
}

/// <summary>
/// A compression method as a pure function from a model to a model. Implement <see cref="Stage{TOptions}"/> and add one
/// line to <see cref="StageRegistry"/>.
/// </summary>
public interface IStage
{
    /// <summary>Kind, version and documentation.</summary>
    StageInfo Info { get; }

    /// <summary>The options record.</summary>
    Type OptionsType { get; }

    /// <summary>Checks what the options' types cannot say, before any model is read. Throws or reports through <paramref name="errors"/>.</summary>
    void Validate(object options, OptionErrors errors);

    /// <summary>True when the result's numbers depend on the runtime version and the CPU, which then enter the stage key.</summary>
    bool DependsOnMachine(object options);

    /// <summary>
    /// Does to the declared inputs and outputs what <see cref="Run"/> will do to them, so that a build knows the model's
    /// interface before it makes the model.
    /// </summary>
    void DescribeInterface(Graph graph, object options);

    /// <summary>
    /// Transforms the model in place (or returns another one).
    /// </summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The stage cannot be done, or would change nothing (see CompressionErrors).</exception>
    /// <exception cref="OperationCanceledException">Cancelled through the context.</exception>
    StageResult Run(Model model, object options, StageContext context);
}

/// <summary>The typed base of a stage.</summary>
/// <typeparam name="TOptions">The options record.</typeparam>
public abstract class Stage<TOptions> : IStage
    where TOptions : class, new()
{
    /// <inheritdoc/>
    public abstract StageInfo Info { get; }

    /// <inheritdoc/>
    public Type OptionsType => typeof(TOptions);

    /// <inheritdoc/>
    public void Validate(object options, OptionErrors errors) => Validate((TOptions)options, errors);

    /// <inheritdoc/>
    public bool DependsOnMachine(object options) => DependsOnMachine((TOptions)options);

    /// <inheritdoc/>
    public void DescribeInterface(Graph graph, object options) => DescribeInterface(graph, (TOptions)options);

    /// <inheritdoc/>
    public StageResult Run(Model model, object options, StageContext context) => Run(model, (TOptions)options, context);

    /// <inheritdoc cref="IStage.Validate"/>
    protected virtual void Validate(TOptions options, OptionErrors errors)
    {
    }

    /// <inheritdoc cref="IStage.DependsOnMachine"/>
    protected virtual bool DependsOnMachine(TOptions options) => false;

    /// <inheritdoc cref="IStage.DescribeInterface"/>
    protected virtual void DescribeInterface(Graph graph, TOptions options)
    {
    }

    /// <inheritdoc cref="IStage.Run"/>
    protected abstract StageResult Run(Model model, TOptions options, StageContext context);
}

/// <summary>What a stage hands back.</summary>
/// <param name="Model">The transformed model; its tensors may still be lazy, they are computed while it is saved.</param>
/// <param name="Metrics">Deterministic figures for stage.json and the report (no times, no paths).</param>
public sealed record StageResult(Model Model, JsonObject Metrics)
{
    /// <summary>Files that are kept beside the model, by name, e.g. pictures for a report.</summary>
    public IReadOnlyDictionary<string, byte[]> Files { get; init; } = new Dictionary<string, byte[]>();
}

/// <summary>Collects errors about options, each with the path of the option below the stage.</summary>
public sealed class OptionErrors
{
    private readonly List<(string Path, string Message)> _items = [];

    /// <summary>The errors found, in order.</summary>
    public IReadOnlyList<(string Path, string Message)> Items => _items;

    /// <summary>Adds an error.</summary>
    /// <param name="path">The option, e.g. <c>target.sparsity</c>; empty for the stage itself.</param>
    /// <param name="message">What is wrong and the way out.</param>
    public void Add(string path, string message) => _items.Add((path, message));
}
