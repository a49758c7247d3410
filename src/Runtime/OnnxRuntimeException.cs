using System.Text.RegularExpressions;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Runtime;

/// <summary>An error that ONNX Runtime reported.</summary>
public sealed partial class OnnxRuntimeException : CompressToolException
{
    private OnnxRuntimeException(ErrorCode code, string message, OrtErrorCode status, string nativeMessage)
        : base(code, message)
    {
        Status = status;
        NativeMessage = nativeMessage;
    }

    /// <summary>ONNX Runtime's error code.</summary>
    public OrtErrorCode Status { get; }

    /// <summary>ONNX Runtime's message as it came.</summary>
    public string NativeMessage { get; }

    /// <summary>The operator the error is about, e.g. <c>Conv</c>; null when the message names none.</summary>
    public string? OperatorType { get; private init; }

    /// <summary>The name of the node the error is about; null when the message names none, empty when the node has no name.</summary>
    public string? NodeName { get; private init; }

    /// <summary>Makes the exception for a native error.</summary>
    /// <param name="code">What the error means where the call was made; a missing kernel or a bad argument of a run has its own code.</param>
    /// <param name="what">What was tried, e.g. <c>Running the model</c>.</param>
    /// <param name="status">ONNX Runtime's code.</param>
    /// <param name="nativeMessage">ONNX Runtime's message.</param>
    internal static OnnxRuntimeException Create(ErrorCode code, string what, OrtErrorCode status, string nativeMessage)
    {
        var (operatorType, nodeName) = FindNode(nativeMessage);
        if (status == OrtErrorCode.NotImplemented && operatorType is not null)
        {
            code = RuntimeErrors.OperatorNotImplemented;
        }
        else if (status == OrtErrorCode.InvalidArgument && code == RuntimeErrors.RunFailed && operatorType is null)
        {
            code = RuntimeErrors.InvalidInput;
        }

        var node = (operatorType, nodeName) switch
        {
            ({ } type, { Length: > 0 } name) => $" at {type} node '{name}'",
            ({ } type, _) => $" at a node of type {type}",
            (null, { Length: > 0 } name) => $" at node '{name}'",
            _ => "",
        };
        return new OnnxRuntimeException(code, $"{what} failed{node}: {Tidy(nativeMessage)}", status, nativeMessage)
        {
            OperatorType = operatorType,
            NodeName = nodeName,
        };
    }

    /// <summary>Finds the operator and node that a message names, in the formats ONNX Runtime uses.</summary>
    internal static (string? OperatorType, string? NodeName) FindNode(string message)
    {
        foreach (var pattern in new[] { RunningNode(), NoImplementation(), InvalidNode(), NodeThenOp(), TypeError(), NotRegistered() })
        {
            if (pattern.Match(message) is { Success: true } match)
            {
                return (Value("op"), Value("name"));

                string? Value(string group) => match.Groups[group] is { Success: true } value ? value.Value : null;
            }
        }

        return (null, null);
    }

    // Leaves out what the start of our message says already, and places in ONNX Runtime's source, which say nothing to the user.
    internal static string Tidy(string message) => SourceFunction().Replace(SourcePlace().Replace(RunningPrefix().Replace(message, ""), ""), "").Trim();

    [GeneratedRegex(@"while running (?<op>\S+) node\. Name:'(?<name>[^']*)'")]
    private static partial Regex RunningNode();

    [GeneratedRegex(@"implementation for (?<op>[\w.:]+)\(-?\d+\) node with name '(?<name>[^']*)'")]
    private static partial Regex NoImplementation();

    [GeneratedRegex(@"In Node, \(""(?<name>[^""]*)"", (?<op>[\w.]+),")]
    private static partial Regex InvalidNode();

    [GeneratedRegex(@"Node\s?\((?<name>[^)]*)\) Op\s?\((?<op>[^)]*)\)")]
    private static partial Regex NodeThenOp();

    [GeneratedRegex(@"(?:Optype|operator) \((?<op>[^)]*)\).* in node \((?<name>[^)]*)\)", RegexOptions.Singleline)]
    private static partial Regex TypeError();

    [GeneratedRegex(@"(?<op>[\w.:]+)\(-?\d+\) is not a registered function/op")]
    private static partial Regex NotRegistered();

    [GeneratedRegex(@"^Non-zero status code returned while running \S+ node\. Name:'[^']*' Status Message: ")]
    private static partial Regex RunningPrefix();

    [GeneratedRegex(@"^[^\[]*onnxruntime::[^\[]*\[ONNXRuntimeError\] : \d+ : \w+ : ")]
    private static partial Regex SourceFunction();

    [GeneratedRegex(@"(?:/|[A-Za-z]:\\)\S+\.(?:cc|h|cpp|hpp):\d+\s+")]
    private static partial Regex SourcePlace();
}
