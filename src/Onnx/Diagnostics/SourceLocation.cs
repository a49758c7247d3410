namespace CompressTool.Onnx.Diagnostics;

/// <summary>A place in a text file.</summary>
/// <param name="File">Full path of the file.</param>
/// <param name="Line">1-based line; 0 when only the file is known.</param>
/// <param name="Column">1-based column; 0 when unknown.</param>
/// <param name="EndLine">1-based line of the end; 0 when unknown.</param>
/// <param name="EndColumn">1-based column just behind the end; 0 when unknown.</param>
public sealed record SourceLocation(string File, int Line = 0, int Column = 0, int EndLine = 0, int EndColumn = 0)
{
    /// <summary>The place as MSBuild and editors write it: <c>file(line,column)</c>.</summary>
    public override string ToString() => Line == 0 ? File : Column == 0 ? $"{File}({Line})" : $"{File}({Line},{Column})";
}
