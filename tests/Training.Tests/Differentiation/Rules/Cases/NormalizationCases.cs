namespace CompressTool.Training.Tests.Differentiation.Rules.Cases;

internal static class NormalizationCases
{
    public static readonly OperatorCase[] All =
    [
        new("LayerNormalization", "x[2,3,4] x[4] x[4]"),
        new("LayerNormalization", "x[2,3,4] x[3,4]", "axis=1 epsilon=0.1"),
        new("LayerNormalization", "x[2,4] x[4] x[4]", "axis=-1", 23),
        new("LayerNormalization", "x[2,3,2] x[2,3,2] x[3,2]", "axis=0"),
        .. OperatorCase.Each("RMSNormalization SimplifiedLayerNormalization", "x[2,3,4] x[4]", opset: 23),
        .. OperatorCase.Each("RMSNormalization SimplifiedLayerNormalization", "x[2,3,4] x[3,4]", "axis=1 epsilon=0.1", 23),
        .. OperatorCase.Each("RMSNormalization SimplifiedLayerNormalization", "x[4,2] x[2]", "axis=-1", 24),
        new("InstanceNormalization", "x[2,3,4] x[3] x[3]"),
        new("InstanceNormalization", "x[1,2,3,2] x[2] x[2]", "epsilon=0.1"),
        new("InstanceNormalization", "x[1,2,2,2,2] x[2] x[2]", Opset: 22),
        new("BatchNormalization", "x[2,3,4] x[3] x[3] x[3] x[3]:0.3..2"),
        new("BatchNormalization", "x[2,2,2,3] x[2] x[2] x[2] x[2]:0.3..2", "epsilon=0.1", 13),
        new("BatchNormalization", "x[4,3] x[3] x[3] x[3] x[3]:0.3..2", Opset: 15),
        new("GroupNormalization", "x[2,4,3] x[2] x[2]", "num_groups=2", 18),
        new("GroupNormalization", "x[1,6,2,2] x[6] x[6]", "num_groups=3 epsilon=0.1", 21),
        new("GroupNormalization", "x[2,2,1,2,2] x[2] x[2]", "num_groups=1", 22),
        new("MeanVarianceNormalization", "x[2,2,2,3]"),
        new("MeanVarianceNormalization", "x[2,3,4]", "axes=[2]"),
        new("MeanVarianceNormalization", "x[3,4]", "axes=[0,1]", 13),
        new("LRN", "x[2,4,2,1]", "size=3 alpha=0.5"),
        new("LRN", "x[1,5,2,1]", "size=1 alpha=0.5 beta=0.6 bias=2.0"),
        new("LRN", "x[1,2,1,3]", "size=5 alpha=0.9", 13),
        new("LpNormalization", "x[2,3]"),
        new("LpNormalization", "x[2,3,2]", "axis=1 p=1"),
        new("LpNormalization", "x[3,2]", "axis=0 p=2", 22),
        .. OperatorCase.Each("com.microsoft:SkipLayerNormalization com.microsoft:SkipSimplifiedLayerNormalization", "x[2,2,4] x[2,2,4] x[4]", "epsilon=0.01"),
        new("com.microsoft:SkipLayerNormalization", "x[2,2,4] x[2,2,4] x[4] x[4] x[4]", Outputs: "1,0,0,1"),
        new("com.microsoft:SkipLayerNormalization", "x[3,4] x[3,4] x[4] - x[4]"),
        new("com.microsoft:SkipLayerNormalization", "x[2,3,4] x[1,3,4] x[4] x[4]", "epsilon=0.1"),
        new("com.microsoft:SkipSimplifiedLayerNormalization", "x[2,2,4] x[2,2,4] x[4] x[4]", "epsilon=0.01", Outputs: "1,0,0,1"),
        new("com.microsoft:SkipSimplifiedLayerNormalization", "x[2,3,4] x[3,4] x[4]"),
    ];
}
