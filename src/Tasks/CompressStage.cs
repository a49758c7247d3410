using Microsoft.Build.Framework;

namespace CompressTool.Tasks;

/// <summary>Runs one stage of a plan.</summary>
public sealed class CompressStage : CompressToolTask
{
    /// <summary>The stage's id, e.g. <c>01-prune</c>.</summary>
    [Required]
    public string Stage { get; set; } = string.Empty;

    /// <inheritdoc/>
    protected override string Command => "stage";

    /// <inheritdoc/>
    protected override IEnumerable<string> Arguments() => ["--folder", Folder, "--stage", Stage];
}
