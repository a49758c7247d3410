using Microsoft.Build.Framework;

namespace CompressTool.Tasks;

/// <summary>
/// Plans a recipe: the tool reads recipe and model and writes the generated project, the stages' arguments and the C# class.
/// </summary>
/// <remarks>
/// It runs once per build in a helper project, and not at all when nothing has changed. So that errors carry the user's project
/// and not the helper, they are not logged here but handed out as items; so that warnings do not vanish with the second build,
/// they are kept in a file. Every project that includes the recipe reports both with <see cref="CompressReport"/>.
/// </remarks>
public sealed class CompressPlan : CompressToolTask
{
    private readonly List<ITaskItem> _errors = [];
    private readonly List<string> _warnings = [];

    /// <summary>The file that <see cref="CompressArguments"/> has written.</summary>
    [Required]
    public string ArgumentsFile { get; set; } = string.Empty;

    /// <summary>The file to keep warnings in, one line of the protocol each; it is deleted when there are none.</summary>
    [Required]
    public string WarningsFile { get; set; } = string.Empty;

    /// <summary>The errors of planning.</summary>
    [Output]
    public ITaskItem[] Diagnostics => [.. _errors];

    /// <inheritdoc/>
    protected override string Command => "plan";

    /// <inheritdoc/>
    protected override bool UsesCores => false;

    /// <inheritdoc/>
    public override bool Execute()
    {
        var done = base.Execute();
        if (_warnings.Count > 0)
        {
            AtomicFile.WriteIfDifferent(WarningsFile, string.Concat(_warnings.Select(line => line + "\n")));
        }
        else
        {
            File.Delete(WarningsFile);
        }

        // With an error in hand the task itself has done its duty; reporting the error will fail the build.
        return done || _errors.Count > 0;
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Arguments() => ResponseFile.Read(ArgumentsFile);

    private protected override void Report(ToolDiagnostic diagnostic)
    {
        if (diagnostic.IsError)
        {
            _errors.Add(diagnostic.ToItem());
        }
        else
        {
            _warnings.Add(diagnostic.Json!);
        }
    }
}
