namespace CompressTool.Compression.Options;

/// <summary>
/// Chooses layers of a model. The one selector syntax of all stages: a pattern is a name glob (<c>down_blocks.*</c>; * is
/// any text, ? one character) tried on the names of the node and of its weight, or an operator type (<c>op:Conv</c>, globs
/// allowed). A layer is selected when an include pattern matches (all layers when there is none) and no exclude pattern does.
/// </summary>
public sealed record LayerSelector
{
    /// <summary>Patterns of layers to take; empty takes all.</summary>
    [Option("Patterns of layers to take: name globs or op:TYPE. All layers when left out.", Example = "[\"down_blocks.*\", \"op:Conv\"]")]
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Patterns of layers to leave out.</summary>
    [Option("Patterns of layers to leave out; they win over include.", Example = "[\"conv_out*\"]")]
    public IReadOnlyList<string> Exclude { get; init; } = [];
}
