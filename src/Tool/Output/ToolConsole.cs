using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Tool.Output;

/// <summary>What all consoles share: the filter by verbosity, and the memory of errors for the JSON result.</summary>
internal abstract class ToolConsole(Verbosity verbosity) : IToolConsole
{
    private readonly Lock _lock = new();
    private readonly List<ReportedError> _errors = [];

    /// <summary>How much is told.</summary>
    public Verbosity Verbosity { get; } = verbosity;

    /// <summary>The errors so far.</summary>
    public IReadOnlyList<ReportedError> Errors
    {
        get
        {
            lock (_lock)
            {
                return [.. _errors];
            }
        }
    }

    /// <inheritdoc/>
    public void Info(string text)
    {
        if (Verbosity >= Verbosity.Normal)
        {
            WriteText(text, Verbosity.Normal);
        }
    }

    /// <inheritdoc/>
    public void Detail(string text)
    {
        if (Verbosity >= Verbosity.Detailed)
        {
            WriteText(text, Verbosity.Detailed);
        }
    }

    /// <inheritdoc/>
    public void Warning(ErrorCode code, string message, SourceLocation? location = null) => WriteDiagnostic(isError: false, code, message, location);

    /// <inheritdoc/>
    public void Error(ErrorCode code, string message, SourceLocation? location = null)
    {
        lock (_lock)
        {
            _errors.Add(new ReportedError(code, message, location));
        }

        WriteDiagnostic(isError: true, code, message, location);
    }

    /// <inheritdoc/>
    public abstract IStageDisplay StartProgress(string name, double total = 0, string unit = "");

    /// <summary>Writes a line of text that passed the filter.</summary>
    protected abstract void WriteText(string text, Verbosity level);

    /// <summary>Writes an error or a warning.</summary>
    protected abstract void WriteDiagnostic(bool isError, ErrorCode code, string message, SourceLocation? location);

    /// <summary>The line that MSBuild and editors understand: <c>file(line,column): error CMP1004: text</c>; on one line, whatever the text.</summary>
    protected static string Canonical(bool isError, ErrorCode code, string message, SourceLocation? location)
    {
        var place = location is null ? "" : location with { File = ShortPath(location.File) } + ": ";
        return $"{place}{(isError ? "error" : "warning")} {code}: {message.ReplaceLineEndings(" ")}";
    }

    /// <summary>The path relative to the current folder where that is shorter.</summary>
    private static string ShortPath(string path)
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return relative.Length < path.Length ? relative : path;
    }
}

/// <summary>An error that was reported.</summary>
/// <param name="Code">The kind.</param>
/// <param name="Message">The text.</param>
/// <param name="Location">The place, when known.</param>
internal sealed record ReportedError(ErrorCode Code, string Message, SourceLocation? Location);
