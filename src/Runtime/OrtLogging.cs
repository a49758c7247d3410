namespace CompressTool.Runtime;

/// <summary>Severity of a log message of ONNX Runtime.</summary>
public enum OrtLoggingLevel
{
    /// <summary>Everything.</summary>
    Verbose,
    /// <summary>Information.</summary>
    Info,
    /// <summary>Warnings.</summary>
    Warning,
    /// <summary>Errors.</summary>
    Error,
    /// <summary>Errors that end the process.</summary>
    Fatal,
}

/// <summary>A log message of ONNX Runtime.</summary>
/// <param name="Level">Severity.</param>
/// <param name="Category">ONNX Runtime's category, usually <c>onnxruntime</c>.</param>
/// <param name="LogId">The id of the session or run it is about; may be empty.</param>
/// <param name="CodeLocation">Source file, line and function in ONNX Runtime.</param>
/// <param name="Message">The text.</param>
public sealed record OrtLogMessage(OrtLoggingLevel Level, string Category, string LogId, string CodeLocation, string Message);
