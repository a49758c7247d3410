using CompressTool.Compression.Options;
using CompressTool.Compression.Quantization.Aware;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Quantization.Static;
using CompressTool.Compression.Quantization.WeightOnly;

namespace CompressTool.Compression.Quantization;

/// <summary>How numbers are stored and computed after quantization.</summary>
public enum QuantizationScheme
{
    /// <summary>Weights and activations in float16.</summary>
    [OptionName("fp16", Description = "Weights and activations in float16: half the size, faster on GPUs and NPUs. On CPUs it saves size only.")]
    Fp16,

    /// <summary>Weights in bfloat16, arithmetic in float32.</summary>
    [OptionName("bf16", Description = "Weight matrices, kernels and embeddings in bfloat16: half the size, the range of float32, 8 bits of precision. Nodes compute in float32 "
        + "behind a Cast, which ONNX Runtime evaluates once when it loads the model, since its CPU provider cannot compute in bfloat16; so the model runs on all providers, as fast "
        + "as before. Biases and normalisations stay exact. Needs opset 13.")]
    Bf16,

    /// <summary>8-bit products with fixed ranges of activations.</summary>
    [OptionName("int8", Description = "Conv, MatMul and Gemm in 8-bit integers, with ranges of activations that calibration found: the fastest on CPUs.")]
    Int8,

    /// <summary>16-bit activations.</summary>
    [OptionName("int16", Description = "As int8, with activations in 16 bits: nearly exact; CPUs compute it in float32, NPUs in integers.")]
    Int16,

    /// <summary>8-bit products; activations are quantized while the model runs.</summary>
    [OptionName("int8-dynamic", Description = "Conv, MatMul and Gemm in 8-bit integers; activation ranges are found while the model runs, so no calibration is needed.")]
    Int8Dynamic,

    /// <summary>8-bit weights in blocks, for matrix products.</summary>
    [OptionName("int8-weights", Description = "Weights of MatMul and Gemm in 8 bits, a scale per block; activations stay as they are. Needs ONNX Runtime 1.23 or newer.")]
    Int8Weights,

    /// <summary>4-bit weights in blocks, for matrix products.</summary>
    [OptionName("int4", Description = "Weights of MatMul and Gemm in 4 bits, a scale per block; activations stay as they are.")]
    Int4,
}

/// <summary>Options of the <c>quantize</c> stage.</summary>
public sealed record QuantizeOptions
{
    /// <summary>The scheme.</summary>
    [Option("How numbers are stored and computed.", Required = true, Example = "fp16")]
    public QuantizationScheme Scheme { get; init; }

    /// <summary>Which layers.</summary>
    [Option("Layers to quantize; the others stay as they are. With scheme fp16 the patterns also match nodes without weights (op:Softmax).")]
    public LayerSelector Layers { get; init; } = new();

    /// <summary>fp16 and bf16: whether inputs and outputs stay float32. Null means true.</summary>
    [Option("Schemes fp16 and bf16: inputs and outputs of the model stay float32, so that apps need no change. Default true.", Example = "false")]
    public bool? KeepIoTypes { get; init; }

    /// <summary>Weight-only schemes: weights per scale, along the input channels. Null means 32.</summary>
    [Option("Schemes int8-weights and int4: weights that share a scale, along the input channels: 16, 32, 64, 128 or 256. Smaller is more exact, larger is smaller. Default 32.", Min = 16, Max = 256, Example = "64")]
    public int? BlockSize { get; init; }

    /// <summary>Weight-only schemes: whether zero is always the middle code. Null means true.</summary>
    [Option("Schemes int8-weights and int4: true centres every block's range on zero; false stores a zero point per block, which is more exact where weights lean to one side. Default true.", Example = "false")]
    public bool? Symmetric { get; init; }

    /// <summary>Weight-only schemes: how precisely the runtime has to compute. Null means 4.</summary>
    [Option("Schemes int8-weights and int4: what the runtime may compute in at the least: 0 its choice, 1 float32, 2 float16, 3 bfloat16, 4 int8, the fastest. Default 4.", Min = 0, Max = 4, Example = "1")]
    public int? AccuracyLevel { get; init; }

    /// <summary>Weight-only schemes: how weights find their codes. Null means nearest.</summary>
    [Option("Schemes int8-weights and int4: how weights find their codes; gptq and awq look at the model with calibration. Default nearest.", Example = "gptq")]
    public RoundingMethod? Method { get; init; }

    /// <summary>Weight-only schemes: the rank of a part of each weight that stays in float32. Null means none.</summary>
    [Option("Schemes int8-weights and int4: splits each weight into a product of this rank, which stays in float32, and the rest, which is quantized and has the smaller numbers the fewer directions the weight has (the low-rank branch of SVDQuant, Li et al. 2025). Costs rank * (inputs + outputs) numbers a layer, and two more products at run time; layers with no more channels than that are skipped. With method nearest or gptq.", Min = 1, Max = 4096, Example = "16")]
    public int? LowRank { get; init; }

    /// <summary>Weight-only schemes: the operators that weights are written for. Null means MatMulNBits.</summary>
    [Option("Schemes int8-weights and int4: the operators that weights are written for. Default matmulnbits.", Example = "qdq")]
    public WeightForm? Form { get; init; }

    /// <summary>int8, int16 and int8-dynamic: a weight scale for every output channel. Null means true.</summary>
    [Option("Schemes int8, int16 and int8-dynamic: a weight scale for every output channel instead of one for the whole weight; with int8-dynamic of MatMul and Gemm alone. Default true.", Example = "false")]
    public bool? PerChannel { get; init; }

    /// <summary>int8 and int8-dynamic: 7-bit weights. Null means by the processor for int8, and false for int8-dynamic.</summary>
    [Option("Schemes int8 and int8-dynamic: weights in 7 bits, for x64 CPUs without VNNI, whose 8-bit products may saturate ('dotnet compress info' tells). Default for int8: whatever this machine needs, with another backend than it false; for int8-dynamic: false.", Example = "true")]
    public bool? ReduceRange { get; init; }

    /// <summary>int8, int16 and the methods gptq and awq: calibration. Null means the samples of a diffusion model. fp16: null means that nothing is measured.</summary>
    [Option("Schemes int8 and int16, and methods gptq and awq: what the model is looked at with, to find the ranges of activations or the best codes. A diffusion model draws its own samples when this is left out. Scheme fp16: what it is looked at with to find what float16 would spoil, by overflow or by rounding, and keep that in float32; without it only operators that are known for it are kept.", Example = "{ samples: { count: 16 } }")]
    public CalibrationOptions? Calibration { get; init; }

    /// <summary>int8 and int16: operators between layers. Null means true unless the model is a diffusion model.</summary>
    [Option("Schemes int8 and int16: whether additions, poolings and the like between quantized layers are computed in integers, too: faster, and less exact. Default: true, but not for diffusion models, nor with backend tensorrt, which decides that by itself.", Example = "true")]
    public bool? Between { get; init; }

    /// <summary>int8 and int16: the alpha of SmoothQuant. Null means that nothing is smoothed.</summary>
    [Option("Schemes int8 and int16: how much of the range of single channels in the inputs of MatMul and Gemm goes into the weights, from 0 to 1 (SmoothQuant; 0.5 is usual). For transformers whose activations have few large channels. Only where a normalisation or a layer in front takes the scales, so that it costs no time. Default: none.", Min = 0, Max = 1, Example = "0.5")]
    public double? Smooth { get; init; }

    /// <summary>int8 and int16: how weights find their integers. Null means nearest.</summary>
    [Option("Schemes int8 and int16: how weights find their integers. Default nearest.", Example = "gptq")]
    public WeightRounding? Rounding { get; init; }

    /// <summary>int8 and int16: whether biases make good for mean errors. Null means true unless the model is a diffusion model.</summary>
    [Option("Schemes int8 and int16: whether what quantization adds to each output channel of a layer on average is taken off its bias. Costs the model no time. Default: true, but not for diffusion models, which gain nothing by it.", Example = "false")]
    public bool? BiasCorrection { get; init; }

    /// <summary>int8 and int16: a limit of noise. Null means none.</summary>
    [Option("Schemes int8 and int16: the least signal-to-noise ratio of the outputs to the float32 model's, in dB, on inputs of the calibration. Each layer is quantized alone to see what it costs; the worst stay in float32 until this holds.", Min = 0, Max = 200, Example = "30")]
    public double? MinSnr { get; init; }

    /// <summary>int8 and int16: layers behind concatenations. Null means by their ranges in diffusion models.</summary>
    [Option("Schemes int8 and int16: layers that read concatenated channels, as a U-Net's decoder reads its skip connections, become one layer for each part, whose results are added: each part has scales of its own. true: all; false: none. Default: in diffusion models those whose parts have ranges that differ more than four times; in others none.", Example = "false")]
    public bool? SplitShortcuts { get; init; }

    /// <summary>int8: what the model is made for. Null means the processor of this machine.</summary>
    [Option("Scheme int8: what the model is made for. Only for this machine's own processor does the report count what ONNX Runtime computes in integers. Default: the processor of the machine that builds.", Example = "tensorrt")]
    public QuantizationBackend? Backend { get; init; }

    /// <summary>int8: layers that integers do not make faster. Null means false.</summary>
    [Option("Scheme int8: layers that this machine computes no faster in 8 bits than in float32 stay in float32. Each is measured alone, on one thread; the result depends on the machine that builds. Default false.", Example = "true")]
    public bool? OnlyFaster { get; init; }

    /// <summary>int8 and int16: first and last layers. Null means true.</summary>
    [Option("Schemes int8 and int16, diffusion models: the first and last layers and those of the timestep stay in float32. Default true.", Example = "false")]
    public bool? KeepEnds { get; init; }

    /// <summary>int8 and int16: training before quantization. Null means none.</summary>
    [Option("Schemes int8 and int16: trains the weights before they are quantized, with the rounding of weights and activations in the training, so that the quantized model gives what the model gives now (quantization-aware distillation). The data needs no labels. The ranges of activations stay as calibration found them.", Example = "{ data: { images: images.npy }, steps: 200, learning-rate: 0.00002 }")]
    public QuantizationTrainingOptions? Training { get; init; }
}
