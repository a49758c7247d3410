using System.Globalization;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace CompressTool.Tasks;

/// <summary>An error or warning of the tool, or one about its start, with its place.</summary>
internal sealed class ToolDiagnostic(bool isError, string? code, string message)
{
    public bool IsError { get; } = isError;

    public string? Code { get; } = code;

    public string Message { get; } = message;

    public string? File { get; set; }

    public int Line { get; set; }

    public int Column { get; set; }

    public int EndLine { get; set; }

    public int EndColumn { get; set; }

    /// <summary>The line of the protocol it was read from, without the prefix; null when the task itself made it.</summary>
    public string? Json { get; private set; }

    /// <summary>Logs it from the project that the task runs in.</summary>
    public void Log(TaskLoggingHelper log)
    {
        // Without a subcategory, or the text would read "recipe error CMP1004". Without arguments, or the message would be a format.
        if (IsError)
        {
            log.LogError(null, Code, null, File, Line, Column, EndLine, EndColumn, Message);
        }
        else
        {
            log.LogWarning(null, Code, null, File, Line, Column, EndLine, EndColumn, Message);
        }
    }

    /// <summary>Makes an item of it, by which it travels from the project that plans to the project that reports.</summary>
    public ITaskItem ToItem()
    {
        // The text of an item must not be empty, and a message may hold what an item would take for wildcards or separators.
        var item = new TaskItem(Code ?? "CMP0000");
        item.SetMetadata(nameof(IsError), IsError ? "true" : "false");
        item.SetMetadata(nameof(Code), Code ?? string.Empty);
        item.SetMetadata(nameof(Message), Escape(Message));
        item.SetMetadata(nameof(File), Escape(File ?? string.Empty));
        item.SetMetadata(nameof(Line), Number(Line));
        item.SetMetadata(nameof(Column), Number(Column));
        item.SetMetadata(nameof(EndLine), Number(EndLine));
        item.SetMetadata(nameof(EndColumn), Number(EndColumn));
        return item;
    }

    public static ToolDiagnostic FromItem(ITaskItem item) =>
        new(item.GetMetadata(nameof(IsError)) == "true", NullIfEmpty(item.GetMetadata(nameof(Code))), item.GetMetadata(nameof(Message)))
        {
            File = NullIfEmpty(item.GetMetadata(nameof(File))),
            Line = Number(item.GetMetadata(nameof(Line))),
            Column = Number(item.GetMetadata(nameof(Column))),
            EndLine = Number(item.GetMetadata(nameof(EndLine))),
            EndColumn = Number(item.GetMetadata(nameof(EndColumn))),
        };

    /// <summary>Reads a diagnostic of the tool's protocol; null when it is none.</summary>
    public static ToolDiagnostic? FromJson(string json)
    {
        if (FlatJson.Parse(json) is not { } values || !values.TryGetValue("type", out var type) || type != "diagnostic" || !values.TryGetValue("message", out var message))
        {
            return null;
        }

        values.TryGetValue("severity", out var severity);
        values.TryGetValue("code", out var code);
        values.TryGetValue("file", out var file);
        return new(severity != "warning", code, message)
        {
            File = file,
            Line = Value("line"),
            Column = Value("column"),
            EndLine = Value("endLine"),
            EndColumn = Value("endColumn"),
            Json = json,
        };

        int Value(string key) => values.TryGetValue(key, out var text) ? Number(text) : 0;
    }

    private static string Escape(string text) => text.Replace("%", "%25");

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0;
}
