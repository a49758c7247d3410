using CompressTool.Onnx;

namespace CompressTool.Runtime.CustomOperators;

/// <summary>
/// An operator whose kernel is written in C#. Sessions know it once it is in
/// <see cref="Engine.EngineOptions.CustomOperators"/> (or <see cref="SessionOptions.AddCustomOperators"/>); its nodes are
/// in the domain <see cref="Domain"/>, version 1, which the model must import, and run on the CPU.
/// </summary>
/// <remarks>Describes the operator and makes kernels; immutable, and used by any number of sessions at once.</remarks>
public abstract class CustomOperator
{
    /// <summary>The domain of all custom operators.</summary>
    public const string Domain = "compresstool";

    /// <summary>Describes an operator.</summary>
    /// <param name="opType">Its name in a model.</param>
    /// <param name="inputs">Its inputs; optional ones come last.</param>
    /// <param name="outputs">Its outputs; optional ones come last.</param>
    protected CustomOperator(string opType, IReadOnlyList<OperatorParameter> inputs, IReadOnlyList<OperatorParameter> outputs)
    {
        OpType = opType;
        Inputs = inputs;
        Outputs = outputs;
    }

    /// <summary>Its name in a model.</summary>
    public string OpType { get; }

    /// <summary>Its inputs.</summary>
    public IReadOnlyList<OperatorParameter> Inputs { get; }

    /// <summary>Its outputs.</summary>
    public IReadOnlyList<OperatorParameter> Outputs { get; }

    /// <summary>Makes the kernel of one node, when a session is created.</summary>
    /// <param name="info">The node's attributes; valid during the call.</param>
    /// <exception cref="Exception">The attributes make no sense; loading the model fails with the exception's message.</exception>
    public abstract CustomKernel CreateKernel(KernelInfo info);
}

/// <summary>An input or output of a custom operator.</summary>
/// <param name="Type">Its element type.</param>
/// <param name="IsOptional">Whether a node may leave it out.</param>
public readonly record struct OperatorParameter(DataType Type, bool IsOptional = false)
{
    /// <summary>A float32 tensor that a node must have.</summary>
    public static OperatorParameter Float { get; } = new(DataType.Float);
}

/// <summary>Computes one node. Holds what depends on the attributes only: several runs may be under way at once.</summary>
public abstract class CustomKernel
{
    /// <summary>Reads the inputs and writes the outputs.</summary>
    /// <param name="context">Inputs, outputs, memory and threads of this run; valid during the call.</param>
    /// <exception cref="Exception">The run fails, naming the node, with the exception's message.</exception>
    public abstract void Compute(KernelContext context);
}
