namespace CompressTool.Diffusion.Import.Configuration;

/// <summary>The keys of a PriorTransformer with their defaults.</summary>
internal sealed record PriorConfig
{
    public int NumAttentionHeads { get; init; } = 32;
    public int AttentionHeadDim { get; init; } = 64;
    public int NumLayers { get; init; } = 20;
    public int EmbeddingDim { get; init; } = 768;
    public int NumEmbeddings { get; init; } = 77;
    public int AdditionalEmbeddings { get; init; } = 4;
    public double Dropout { get; init; }
    public string TimeEmbedActFn { get; init; } = "silu";
    public string? NormInType { get; init; }
    public string? EmbeddingProjNormType { get; init; }
    public string? EncoderHidProjType { get; init; } = "linear";
    public string? AddedEmbType { get; init; } = "prd";
    public int? TimeEmbedDim { get; init; }
    public int? EmbeddingProjDim { get; init; }
    public int? ClipEmbedDim { get; init; }
}
