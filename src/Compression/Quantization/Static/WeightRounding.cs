using CompressTool.Compression.Options;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>How weights with a fixed scale find their integers.</summary>
public enum WeightRounding
{
    /// <summary>Each weight for itself.</summary>
    [OptionName("nearest", Description = "Every weight takes the nearest integer.")]
    Nearest,

    /// <summary>Weights make good for each other.</summary>
    [OptionName("gptq", Description = "Integers that change the layer's outputs least for the inputs that calibration saw, found weight by weight (Frantar et al. 2023). Quick, and about as good as adaround. A layer that gains nothing by it takes the nearest integers. Single weights that pruning made zero need not stay zero.")]
    Gptq,

    /// <summary>Learned.</summary>
    [OptionName("adaround", Description = "Up or down is learned for every weight, so that the layer's outputs change least for the inputs that calibration saw (Nagel et al. 2020). Takes minutes, and a layer that gains nothing by it takes the nearest integers. Single weights that pruning made zero need not stay zero.")]
    AdaRound,
}
