using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Tool.Output;

/// <summary>Plain lines, for files, pipes and build servers.</summary>
internal sealed class PlainConsole(TextWriter error, Verbosity verbosity, TimeProvider time) : ToolConsole(verbosity)
{
    /// <inheritdoc/>
    public override IStageDisplay StartProgress(string name, double total = 0, string unit = "") => new ProgressLines(Info, time, name, total, unit);

    /// <inheritdoc/>
    protected override void WriteText(string text, Verbosity level) => error.WriteLine(text);

    /// <inheritdoc/>
    protected override void WriteDiagnostic(bool isError, ErrorCode code, string message, SourceLocation? location) =>
        error.WriteLine(Canonical(isError, code, message, location));
}
