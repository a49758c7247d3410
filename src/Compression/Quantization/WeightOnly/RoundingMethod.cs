using CompressTool.Compression.Options;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>How weights that share a scale find their codes.</summary>
public enum RoundingMethod
{
    /// <summary>Each weight for itself.</summary>
    [OptionName("nearest", Description = "Every weight takes the nearest code. Needs no data.")]
    Nearest,

    /// <summary>Weights make good for each other.</summary>
    [OptionName("gptq", Description = "Codes that change the layer's outputs least for the inputs that calibration saw (Frantar et al. 2023), improved one by one afterwards (Behdin et al. 2023). A layer that gains nothing by it takes the nearest codes. Single weights that pruning made zero need not stay zero.")]
    Gptq,

    /// <summary>Channels of large inputs get finer codes.</summary>
    [OptionName("awq", Description = "Activation-aware scaling (Lin et al. 2024): weights that meet large inputs are scaled up before they are rounded and the inputs scaled down, layers that read the same value together; then the ranges of blocks are clipped, both as far as it changes the outputs less. What makes the inputs takes the scales over where that is exact (normalisations, a layer or constant before); elsewhere a Mul is added if it takes at least 5 % off the error.")]
    Awq,
}
