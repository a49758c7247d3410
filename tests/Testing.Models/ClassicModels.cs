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
        new("vit/static", () => VisionTransformer.Build()),
        new("vit/dynamic", () => VisionTransformer.Build(isDynamic: true)),
        new("vit/decomposed-static", () => VisionTransformer.Build(opset: 14)),
        new("vit/decomposed-dynamic", () => VisionTransformer.Build(isDynamic: true, opset: 14)),
    ];

    /// <summary>The model of a name.</summary>
    public static ClassicModel Get(string name) => All.Single(model => model.Name == name);

    /// <summary>The first form of each architecture.</summary>
    public static IEnumerable<ClassicModel> Architectures => All.DistinctBy(model => model.Name[..model.Name.IndexOf('/')]);
}
