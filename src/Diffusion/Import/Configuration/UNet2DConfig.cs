namespace CompressTool.Diffusion.Import.Configuration;

/// <summary>The keys of a UNet2DModel with their defaults.</summary>
internal sealed record UNet2DConfig
{
    public PerBlock<int>? SampleSize { get; init; }
    public int InChannels { get; init; } = 3;
    public int OutChannels { get; init; } = 3;
    public bool CenterInputSample { get; init; }
    public string TimeEmbeddingType { get; init; } = "positional";
    public int? TimeEmbeddingDim { get; init; }
    public double FreqShift { get; init; }
    public bool FlipSinToCos { get; init; } = true;
    public IReadOnlyList<string> DownBlockTypes { get; init; } = ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"];
    public string? MidBlockType { get; init; } = "UNetMidBlock2D";
    public IReadOnlyList<string> UpBlockTypes { get; init; } = ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"];
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [224, 448, 672, 896];
    public int LayersPerBlock { get; init; } = 2;
    public double MidBlockScaleFactor { get; init; } = 1;
    public int DownsamplePadding { get; init; } = 1;
    public string DownsampleType { get; init; } = "conv";
    public string UpsampleType { get; init; } = "conv";
    public double Dropout { get; init; }
    public string ActFn { get; init; } = "silu";
    public int? AttentionHeadDim { get; init; } = 8;
    public int NormNumGroups { get; init; } = 32;
    public int? AttnNormNumGroups { get; init; }
    public double NormEps { get; init; } = 1e-5;
    public string ResnetTimeScaleShift { get; init; } = "default";
    public bool AddAttention { get; init; } = true;
    public string? ClassEmbedType { get; init; }
    public int? NumClassEmbeds { get; init; }
    public int? NumTrainTimesteps { get; init; }
}
