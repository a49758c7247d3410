using CompressTool.Compression.Options;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>How the range of a value is chosen among the numbers that it had.</summary>
public enum CalibrationMethod
{
    /// <summary>All of them.</summary>
    [OptionName("minmax", Description = "From the smallest number to the largest: nothing is clipped.")]
    MinMax,

    /// <summary>Nearly all of them.</summary>
    [OptionName("percentile", Description = "Without the outermost numbers, as many on each side as percentile leaves out.")]
    Percentile,

    /// <summary>The least divergence.</summary>
    [OptionName("entropy", Description = "The range whose integers tell most about the numbers: the least Kullback-Leibler divergence of their histograms (Migacz 2017).")]
    Entropy,

    /// <summary>The least error.</summary>
    [OptionName("mse", Description = "The range with the least mean squared error, clipping and rounding together.")]
    MeanSquaredError,
}
