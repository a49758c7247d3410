using System.Text;
using System.Text.Json.Nodes;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Store;

namespace CompressTool.Tool.Output;

/// <summary>
/// Lines for the MSBuild task on standard output: <c>##compress {json}</c>, each a diagnostic or a message. Paths are
/// full: the build knows how to show them.
/// </summary>
internal sealed class MSBuildConsole(TextWriter output, Verbosity verbosity, TimeProvider time) : ToolConsole(verbosity)
{
    private const string Prefix = "##compress ";

    /// <inheritdoc/>
    public override IStageDisplay StartProgress(string name, double total = 0, string unit = "") =>
        new ProgressLines(text => Message("normal", text), time, name, total, unit);

    /// <summary>A writer whose lines become messages of high importance: for results.</summary>
    public TextWriter ResultWriter() => new MessageWriter(this);

    /// <inheritdoc/>
    protected override void WriteText(string text, Verbosity level) => Message(level == Verbosity.Normal ? "high" : "low", text);

    /// <inheritdoc/>
    protected override void WriteDiagnostic(bool isError, ErrorCode code, string message, SourceLocation? location) => Write(new JsonObject
    {
        ["type"] = "diagnostic",
        ["severity"] = isError ? "error" : "warning",
        ["code"] = code.Id,
        ["message"] = message,
        ["file"] = location is null ? null : Path.GetFullPath(location.File),
        ["line"] = location?.Line ?? 0,
        ["column"] = location?.Column ?? 0,
        ["endLine"] = location?.EndLine ?? 0,
        ["endColumn"] = location?.EndColumn ?? 0,
    });

    private void Message(string importance, string text) => Write(new JsonObject { ["type"] = "message", ["importance"] = importance, ["text"] = text });

    private void Write(JsonObject line) => output.WriteLine(Prefix + JsonText.Compact(line));

    private sealed class MessageWriter(MSBuildConsole console) : TextWriter
    {
        private readonly StringBuilder _line = new();

        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value)
        {
            if (value == '\n')
            {
                console.Message("high", _line.ToString());
                _line.Clear();
            }
            else if (value != '\r')
            {
                _line.Append(value);
            }
        }
    }
}
