namespace CompressTool.Tasks;

/// <summary>Evaluates the gates of a recipe and publishes its model and manifest.</summary>
public sealed class CompressFinish : CompressToolTask
{
    /// <inheritdoc/>
    protected override string Command => "finish";

    /// <inheritdoc/>
    protected override IEnumerable<string> Arguments() => ["--folder", Folder];
}
