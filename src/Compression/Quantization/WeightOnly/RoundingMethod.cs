using CompressTool.Compression.Options;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>How weights that share a scale find their codes.</summary>
public enum RoundingMethod
{
    /// <summary>Each weight for itself.</summary>
    [OptionName("nearest", Description = "Every weight takes the nearest code. Needs no data.")]
    Nearest,

    /// <summary>Weights make good for each other.</summary>
    [OptionName("gptq", Description = "Codes that change the layer's outputs least for the inputs that calibration saw (Frantar et al. 2023). A layer that gains nothing by it takes the nearest codes. Single weights that pruning made zero need not stay zero.")]
    Gptq,
}
