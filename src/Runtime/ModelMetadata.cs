namespace CompressTool.Runtime;

/// <summary>What a model says about itself.</summary>
public sealed record ModelMetadata
{
    /// <summary>The program that wrote it.</summary>
    public required string ProducerName { get; init; }

    /// <summary>The name of its graph.</summary>
    public required string GraphName { get; init; }

    /// <summary>The description of its graph.</summary>
    public required string GraphDescription { get; init; }

    /// <summary>Its domain.</summary>
    public required string Domain { get; init; }

    /// <summary>Its description.</summary>
    public required string Description { get; init; }

    /// <summary>Its version.</summary>
    public required long Version { get; init; }

    /// <summary>Its own key-value pairs.</summary>
    public required IReadOnlyDictionary<string, string> CustomMetadataMap { get; init; }
}
