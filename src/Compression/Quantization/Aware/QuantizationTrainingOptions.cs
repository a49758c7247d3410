using CompressTool.Compression.Distillation;

namespace CompressTool.Compression.Quantization.Aware;

/// <summary>How weights are trained before they are quantized: as in <c>distill</c>, with the model itself, in floating point, as the teacher.</summary>
public sealed record QuantizationTrainingOptions : TrainingOptions;
