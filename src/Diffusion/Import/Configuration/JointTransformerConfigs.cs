namespace CompressTool.Diffusion.Import.Configuration;

/// <summary>The keys of an SD3Transformer2DModel with their defaults.</summary>
internal sealed record SD3Config
{
    public int SampleSize { get; init; } = 128;
    public int PatchSize { get; init; } = 2;
    public int InChannels { get; init; } = 16;
    public int NumLayers { get; init; } = 18;
    public int AttentionHeadDim { get; init; } = 64;
    public int NumAttentionHeads { get; init; } = 18;
    public int JointAttentionDim { get; init; } = 4096;
    public int CaptionProjectionDim { get; init; } = 1152;
    public int PooledProjectionDim { get; init; } = 2048;
    public int? OutChannels { get; init; } = 16;
    public int PosEmbedMaxSize { get; init; } = 96;
    public IReadOnlyList<int> DualAttentionLayers { get; init; } = [];
    public string? QkNorm { get; init; }
}

/// <summary>The keys of a FluxTransformer2DModel with their defaults.</summary>
internal sealed record FluxConfig
{
    public int PatchSize { get; init; } = 1;
    public int InChannels { get; init; } = 64;
    public int? OutChannels { get; init; }
    public int NumLayers { get; init; } = 19;
    public int NumSingleLayers { get; init; } = 38;
    public int AttentionHeadDim { get; init; } = 128;
    public int NumAttentionHeads { get; init; } = 24;
    public int JointAttentionDim { get; init; } = 4096;
    public int PooledProjectionDim { get; init; } = 768;
    public bool GuidanceEmbeds { get; init; }
    public IReadOnlyList<int> AxesDimsRope { get; init; } = [16, 56, 56];
}
