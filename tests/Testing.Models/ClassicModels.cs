namespace CompressTool.Testing.Models;

/// <summary>
/// Small models of well-known architectures as PyTorch's exporter writes them, with random weights. Those with the same name before the
/// slash compute the same: their weights depend on the names of the parameters only.
/// </summary>
public static class ClassicModels
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<ClassicModel> All { get; } =
    [
        new("resnet/static", () => ResNet.Build()),
        new("resnet/dynamic", () => ResNet.Build(isDynamic: true)),
        new("resnet/batchnorm-static", () => ResNet.Build(foldBatchNorm: false)),
        new("resnext/static", () => ResNet.Build(groups: 4)),
        new("resnext/batchnorm-dynamic", () => ResNet.Build(groups: 4, foldBatchNorm: false, isDynamic: true)),
        new("mobilenet-v2/static", () => MobileNetV2.Build()),
        new("mobilenet-v2/batchnorm-dynamic", () => MobileNetV2.Build(foldBatchNorm: false, isDynamic: true)),
        new("mobilenet-v3/static", () => MobileNetV3.Build()),
        new("mobilenet-v3/batchnorm-dynamic", () => MobileNetV3.Build(foldBatchNorm: false, isDynamic: true)),
        new("densenet/static", () => DenseNet.Build()),
        new("densenet/batchnorm-dynamic", () => DenseNet.Build(foldBatchNorm: false, isDynamic: true)),
        new("shufflenet-v1/static", () => ShuffleNetV1.Build()),
        new("shufflenet-v1/batchnorm-dynamic", () => ShuffleNetV1.Build(foldBatchNorm: false, isDynamic: true)),
        new("shufflenet-v2/static", () => ShuffleNetV2.Build()),
        new("shufflenet-v2/batchnorm-dynamic", () => ShuffleNetV2.Build(foldBatchNorm: false, isDynamic: true)),
        new("convnext/static", () => ConvNeXt.Build()),
        new("convnext/decomposed-dynamic", () => ConvNeXt.Build(isDynamic: true, opset: 14)),
        new("unet/static", () => UNet.Build()),
        new("unet/batchnorm-dynamic", () => UNet.Build(foldBatchNorm: false, isDynamic: true)),
        new("unet-groupnorm/static", () => UNet.BuildWithGroupNorm()),
        new("unet-groupnorm/dynamic", () => UNet.BuildWithGroupNorm(isDynamic: true)),
        new("vit/static", () => VisionTransformer.Build()),
        new("vit/dynamic", () => VisionTransformer.Build(isDynamic: true)),
        new("vit/decomposed-static", () => VisionTransformer.Build(opset: 14)),
        new("vit/decomposed-dynamic", () => VisionTransformer.Build(isDynamic: true, opset: 14)),
        new("swin/static", () => SwinTransformer.Build()),
        new("swin/decomposed-dynamic", () => SwinTransformer.Build(isDynamic: true, opset: 14)),
        new("llama/static", () => LlamaDecoder.Build()) { Vocabulary = LlamaDecoder.Vocabulary },
        new("llama/dynamic", () => LlamaDecoder.Build(isDynamic: true)) { Vocabulary = LlamaDecoder.Vocabulary },
        new("llama/fused-static", () => LlamaDecoder.Build(isFused: true)) { Vocabulary = LlamaDecoder.Vocabulary },
        new("llama/fused-dynamic", () => LlamaDecoder.Build(isFused: true, isDynamic: true)) { Vocabulary = LlamaDecoder.Vocabulary },
        new("llama-tied/static", () => LlamaDecoder.Build(isTied: true)) { Vocabulary = LlamaDecoder.Vocabulary },
        new("llama-tied/dynamic", () => LlamaDecoder.Build(isTied: true, isDynamic: true)) { Vocabulary = LlamaDecoder.Vocabulary },
        new("gpt2/static", () => Gpt2.Build()) { Vocabulary = Gpt2.Vocabulary },
        new("gpt2/dynamic", () => Gpt2.Build(isDynamic: true)) { Vocabulary = Gpt2.Vocabulary },
        new("gpt2/fused-static", () => Gpt2.Build(isFused: true)) { Vocabulary = Gpt2.Vocabulary },
        new("gpt2/fused-dynamic", () => Gpt2.Build(isFused: true, isDynamic: true)) { Vocabulary = Gpt2.Vocabulary },
        new("bert/static", () => Bert.Build()) { Vocabulary = Bert.Vocabulary },
        new("bert/decomposed-dynamic", () => Bert.Build(isDynamic: true, opset: 14)) { Vocabulary = Bert.Vocabulary },
        new("bert/fused-static", () => Bert.Build(isFused: true)) { Vocabulary = Bert.Vocabulary },
        new("bert/fused-dynamic", () => Bert.Build(isFused: true, isDynamic: true)) { Vocabulary = Bert.Vocabulary },
        new("dit/static", () => DiffusionTransformer.Build()) { Vocabulary = DiffusionTransformer.Classes },
        new("dit/dynamic", () => DiffusionTransformer.Build(isDynamic: true)) { Vocabulary = DiffusionTransformer.Classes },
    ];

    /// <summary>The model of a name.</summary>
    public static ClassicModel Get(string name) => All.Single(model => model.Name == name);

    /// <summary>The first form of each architecture.</summary>
    public static IEnumerable<ClassicModel> Architectures => All.DistinctBy(model => model.Name[..model.Name.IndexOf('/')]);
}
