using System.Text.Json;

namespace CompressTool.FakeTool;

/// <summary>Writes lines of the protocol that the tasks read.</summary>
internal static class Protocol
{
    public static void Diagnostic(string severity, string code, string message, string file, int line, int column) => Write(
        new { type = "diagnostic", severity, code, message, file, line, column, endLine = line, endColumn = column + 4 });

    public static void Message(string importance, string text) => Write(new { type = "message", importance, text });

    private static void Write(object value) => Console.Out.WriteLine("##compress " + JsonSerializer.Serialize(value));
}
