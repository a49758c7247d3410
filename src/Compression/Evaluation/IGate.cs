using CompressTool.Compression.Stages;

namespace CompressTool.Compression.Evaluation;

/// <summary>What a kind of gate is, apart from its options.</summary>
/// <param name="Kind">The word in the recipe, e.g. <c>size</c>.</param>
/// <param name="Version">Raised whenever the same options could judge the same model differently; part of the gate's key.</param>
/// <param name="Description">One or two sentences for help and documentation.</param>
/// <param name="Example">A YAML example of the gate, for the reference and tested there, e.g. <c>size: { max: 25% }</c>.</param>
public sealed record GateInfo(string Kind, int Version, string Description, string Example);

/// <summary>
/// A quality check on the finished model, against the model that went in. A gate that does not pass fails the build.
/// Implement <see cref="Gate{TOptions}"/> and add one line to <see cref="GateRegistry"/>.
/// </summary>
public interface IGate
{
    /// <summary>Kind, version and documentation.</summary>
    GateInfo Info { get; }

    /// <summary>The options record.</summary>
    Type OptionsType { get; }

    /// <summary>True when what is measured depends on the runtime version and the CPU (latency, numerical error).</summary>
    bool DependsOnMachine { get; }

    /// <summary>True when it looks at the figures of a stage <c>evaluate</c>, which must then be the last one.</summary>
    bool NeedsEvaluation { get; }

    /// <summary>True when it judges how good the model is, not what it costs.</summary>
    bool JudgesQuality { get; }

    /// <summary>Checks what the options' types cannot say, before any model is read. Throws or reports through <paramref name="errors"/>.</summary>
    void Validate(object options, OptionErrors errors);

    /// <summary>Measures and judges.</summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The measurement cannot be made (see CompressionErrors).</exception>
    /// <exception cref="OperationCanceledException">Cancelled through the context.</exception>
    GateResult Evaluate(object options, GateContext context);
}

/// <summary>The typed base of a gate.</summary>
/// <typeparam name="TOptions">The options record.</typeparam>
public abstract class Gate<TOptions> : IGate
    where TOptions : class, new()
{
    /// <inheritdoc/>
    public abstract GateInfo Info { get; }

    /// <inheritdoc/>
    public Type OptionsType => typeof(TOptions);

    /// <inheritdoc/>
    public virtual bool DependsOnMachine => false;

    /// <inheritdoc/>
    public virtual bool NeedsEvaluation => false;

    /// <inheritdoc/>
    public virtual bool JudgesQuality => false;

    /// <inheritdoc/>
    public void Validate(object options, OptionErrors errors) => Validate((TOptions)options, errors);

    /// <inheritdoc/>
    public GateResult Evaluate(object options, GateContext context) => Evaluate((TOptions)options, context);

    /// <inheritdoc cref="IGate.Validate"/>
    protected virtual void Validate(TOptions options, OptionErrors errors)
    {
    }

    /// <inheritdoc cref="IGate.Evaluate"/>
    protected abstract GateResult Evaluate(TOptions options, GateContext context);
}

/// <summary>A gate's verdict.</summary>
/// <param name="Passed">False fails the build.</param>
/// <param name="Measured">What was measured, in the gate's unit.</param>
/// <param name="Text">What was measured and allowed, for the user, e.g. <c>size 26.1% of the input model, allowed 25%</c>.</param>
public sealed record GateResult(bool Passed, double Measured, string Text);
