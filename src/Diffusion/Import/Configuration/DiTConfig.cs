namespace CompressTool.Diffusion.Import.Configuration;

/// <summary>The keys of a DiTTransformer2DModel with their defaults.</summary>
internal sealed record DiTConfig
{
    public int NumAttentionHeads { get; init; } = 16;
    public int AttentionHeadDim { get; init; } = 72;
    public int InChannels { get; init; } = 4;
    public int? OutChannels { get; init; }
    public int NumLayers { get; init; } = 28;
    public double Dropout { get; init; }
    public int NormNumGroups { get; init; } = 32;
    public bool AttentionBias { get; init; } = true;
    public int SampleSize { get; init; } = 32;
    public int PatchSize { get; init; } = 2;
    public string ActivationFn { get; init; } = "gelu-approximate";
    public int? NumEmbedsAdaNorm { get; init; } = 1000;
    public bool? UpcastAttention { get; init; }
    public string NormType { get; init; } = "ada_norm_zero";
    public bool NormElementwiseAffine { get; init; }
    public double NormEps { get; init; } = 1e-5;
}

/// <summary>The keys of a Transformer2DModel with their defaults: the class that DiT models had before diffusers 0.28, among others.</summary>
internal sealed record Transformer2DConfig
{
    public int NumAttentionHeads { get; init; } = 16;
    public int AttentionHeadDim { get; init; } = 88;
    public int? InChannels { get; init; }
    public int? OutChannels { get; init; }
    public int NumLayers { get; init; } = 1;
    public double Dropout { get; init; }
    public int NormNumGroups { get; init; } = 32;
    public int? CrossAttentionDim { get; init; }
    public bool AttentionBias { get; init; }
    public int? SampleSize { get; init; }
    public int? NumVectorEmbeds { get; init; }
    public int? PatchSize { get; init; }
    public string ActivationFn { get; init; } = "geglu";
    public int? NumEmbedsAdaNorm { get; init; }
    public bool UseLinearProjection { get; init; }
    public bool OnlyCrossAttention { get; init; }
    public bool DoubleSelfAttention { get; init; }
    public bool? UpcastAttention { get; init; }
    public string NormType { get; init; } = "layer_norm";
    public bool NormElementwiseAffine { get; init; } = true;
    public double NormEps { get; init; } = 1e-5;
    public string AttentionType { get; init; } = "default";
    public int? CaptionChannels { get; init; }
    public double? InterpolationScale { get; init; }
    public bool? UseAdditionalConditions { get; init; }
}
