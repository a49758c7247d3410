namespace CompressTool.Compression.Stages;

/// <summary>Something that stages need besides their models, that takes long to make, and that others may need as well: it is made once and kept.</summary>
/// <param name="Kind">What it is, e.g. <c>teacher-samples</c>.</param>
/// <param name="Ingredients">All that the content depends on, by name.</param>
/// <param name="Make">Writes its files into a folder.</param>
public sealed record SharedArtifact(string Kind, IReadOnlyDictionary<string, string> Ingredients, Action<string> Make);
