using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Language;

/// <summary>How grave a diagnostic is.</summary>
public enum Severity
{
    /// <summary>The recipe still runs.</summary>
    Warning,

    /// <summary>The recipe does not run.</summary>
    Error,
}

/// <summary>One thing that is wrong with a recipe.</summary>
/// <param name="Severity">How grave it is.</param>
/// <param name="Code">The kind of error.</param>
/// <param name="Message">What is wrong, with the particulars and the way out.</param>
/// <param name="Location">The place, with its end.</param>
public sealed record Diagnostic(Severity Severity, ErrorCode Code, string Message, SourceLocation Location)
{
    /// <summary>The line that MSBuild and editors understand: <c>file(line,column): error CMP1004: message</c>.</summary>
    public override string ToString() => $"{Location}: {(Severity == Severity.Error ? "error" : "warning")} {Code}: {Message}";
}

/// <summary>Collects what is wrong with a recipe.</summary>
internal sealed class DiagnosticList
{
    private const int MaxShown = 100;

    private readonly List<Diagnostic> _items = [];

    /// <summary>How many errors were found.</summary>
    public int ErrorCount { get; private set; }

    public void Error(ErrorCode code, SourceLocation location, string message)
    {
        ErrorCount++;
        if (_items.Count < MaxShown)
        {
            _items.Add(new Diagnostic(Severity.Error, code, message, location));
        }
    }

    /// <summary>The diagnostics by place. A file that is wrong all over is cut off: nobody reads a thousand errors.</summary>
    public IReadOnlyList<Diagnostic> ToSorted(string file)
    {
        var sorted = _items.OrderBy(item => item.Location.Line).ThenBy(item => item.Location.Column).ToList();
        if (ErrorCount > MaxShown)
        {
            sorted.Add(new Diagnostic(Severity.Error, RecipeErrors.TooManyErrors, $"{ErrorCount - MaxShown} more errors are not shown; correct these first", new SourceLocation(file)));
        }

        return sorted;
    }
}
