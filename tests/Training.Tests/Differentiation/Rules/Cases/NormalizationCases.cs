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
    ];
}
