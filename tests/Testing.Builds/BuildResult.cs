using Microsoft.Build.Logging.StructuredLogger;

namespace CompressTool.Testing.Builds;

/// <summary>What a build has printed and logged.</summary>
public sealed class BuildResult(string command, int exitCode, string output, string? binaryLog)
{
    private Build? _log;

    public string Command { get; } = command;

    public int ExitCode { get; } = exitCode;

    /// <summary>Standard output and standard error together.</summary>
    public string Output { get; } = output;

    /// <summary>The binary log.</summary>
    public Build Log => _log ??= BinaryLog.ReadBuild(binaryLog ?? throw new InvalidOperationException("built without a binary log"));

    public BuildResult Succeeded()
    {
        Assert.AreEqual(0, ExitCode, $"{Command} failed:\n{Output}");
        return this;
    }

    public BuildResult Failed()
    {
        Assert.AreNotEqual(0, ExitCode, $"{Command} should have failed:\n{Output}");
        return this;
    }

    /// <summary>The errors, each once, as "file(line,column) CODE", with the file's name only.</summary>
    public string[] Errors() => Diagnostics<Error>();

    public string[] Warnings() => Diagnostics<Warning>();

    public IReadOnlyList<T> All<T>()
        where T : BaseNode
    {
        List<T> nodes = [];
        Log.VisitAllChildren<T>(nodes.Add);
        return nodes;
    }

    /// <summary>True when a target of that name ran its tasks, in whatever project.</summary>
    public bool Ran(string target) => Runs(target) > 0;

    /// <summary>How often a target of that name ran its tasks.</summary>
    public int Runs(string target) => All<Target>().Count(node => node.Name == target && node.Children.OfType<Microsoft.Build.Logging.StructuredLogger.Task>().Any());

    /// <summary>The start of the target that ran its tasks.</summary>
    public DateTime Start(string target) => All<Target>().Where(node => node.Name == target && node.Children.OfType<Microsoft.Build.Logging.StructuredLogger.Task>().Any()).Min(node => node.StartTime);

    private string[] Diagnostics<T>()
        where T : AbstractDiagnostic =>
        [.. All<T>().Select(diagnostic => $"{Path.GetFileName(diagnostic.File)}({diagnostic.LineNumber},{diagnostic.ColumnNumber}) {diagnostic.Code}").Distinct()];
}
