using System.Text.Json.Nodes;

namespace CompressTool.Diffusion.Import.Configuration;

/// <summary>The keys of a CLIPTextModel and a CLIPTextModelWithProjection with their defaults. The second half says nothing about what is computed.</summary>
internal sealed record ClipTextConfig
{
    public int VocabSize { get; init; } = 49408;
    public int HiddenSize { get; init; } = 512;
    public int IntermediateSize { get; init; } = 2048;
    public int ProjectionDim { get; init; } = 512;
    public int NumHiddenLayers { get; init; } = 12;
    public int NumAttentionHeads { get; init; } = 8;
    public int MaxPositionEmbeddings { get; init; } = 77;
    public string HiddenAct { get; init; } = "quick_gelu";
    public double LayerNormEps { get; init; } = 1e-5;
    public double InitializerFactor { get; init; } = 1;
    public int EosTokenId { get; init; } = 49407;

    public int? BosTokenId { get; init; }
    public int? PadTokenId { get; init; }
    public double AttentionDropout { get; init; }
    public double Dropout { get; init; }
    public double InitializerRange { get; init; }
    public IReadOnlyList<string>? Architectures { get; init; }
    public string? ModelType { get; init; }
    public string? TorchDtype { get; init; }
    public string? Dtype { get; init; }
    public string? TransformersVersion { get; init; }
    public bool UseCache { get; init; }
    public bool ReturnDict { get; init; }
    public bool OutputHiddenStates { get; init; }
    public bool OutputAttentions { get; init; }
    public JsonNode? TaskSpecificParams { get; init; }
}
