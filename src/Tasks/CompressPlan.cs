using Microsoft.Build.Framework;

namespace CompressTool.Tasks;

/// <summary>
/// Plans a recipe: the tool reads recipe and model and writes the generated project, the stages' arguments and the C# class.
/// </summary>
/// <remarks>
/// It runs once per build in a helper project. So that errors carry the user's project and not the helper, they are not logged
/// here but handed out as items, which every project that includes the recipe reports with <see cref="CompressReport"/>.
/// </remarks>
public sealed class CompressPlan : CompressToolTask
{
    private readonly List<ITaskItem> _diagnostics = [];

    /// <summary>The file that <see cref="CompressArguments"/> has written.</summary>
    [Required]
    public string ArgumentsFile { get; set; } = string.Empty;

    /// <summary>Errors and warnings of planning.</summary>
    [Output]
    public ITaskItem[] Diagnostics => [.. _diagnostics];

    /// <inheritdoc/>
    protected override string Command => "plan";

    /// <inheritdoc/>
    protected override bool UsesCores => false;

    /// <inheritdoc/>
    protected override IEnumerable<string> Arguments() => ResponseFile.Read(ArgumentsFile);

    private protected override void Report(ToolDiagnostic diagnostic) => _diagnostics.Add(diagnostic.ToItem());

    /// <inheritdoc/>
    protected override bool HandleTaskExecutionErrors() => base.HandleTaskExecutionErrors() || _diagnostics.Count > 0;
}
