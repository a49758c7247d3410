namespace CompressTool.Training.Tests.Differentiation.Rules.Cases;

internal static class FusedCases
{
    public static readonly OperatorCase[] All =
    [
        new("com.microsoft:FusedConv", "x[1,2,4,4] x[2,2,3,3] x[2]", "activation=Relu pads=[1,1,1,1]"),
        new("com.microsoft:FusedConv", "x[1,2,4,4] x[2,2,3,3] x[2] x[1,2,2,2]", "activation=Tanh"),
        new("com.microsoft:FusedConv", "x[1,2,4,4] x[2,1,2,2]", "activation=LeakyRelu activation_params={0.3} group=2 strides=[2,2]"),
        new("com.microsoft:FusedConv", "x[1,2,4,3] x[2,2,2,2]", "activation=Clip activation_params={-0.9,0.8}"),
        new("com.microsoft:FusedConv", "x[1,2,4,3] x[2,2,2,2]", "activation=HardSigmoid activation_params={0.1,0.4}"),
        new("com.microsoft:FusedGemm", "x[2,3] x[3,4] x[4]", "activation=Relu"),
        new("com.microsoft:FusedGemm", "x[3,2] x[3,4] x[4]", "transA=1 alpha=0.5 activation=Sigmoid"),
        new("com.microsoft:FusedGemm", "x[2,3] x[3,4] x[2,1]", "activation=LeakyRelu activation_alpha=0.2 beta=1.5"),
        new("com.microsoft:FusedGemm", "x[2,3] x[4,3]", "transB=1 activation=Tanh"),
        new("com.microsoft:BiasAdd", "x[2,2,3] x[3] x[2,2,3]", HasKernel: false),
        new("com.microsoft:BiasAdd", "x[1,4,2] x[2] x[1,4,2]", HasKernel: false),
        new("com.microsoft:BiasAdd", "x[1,2,3] x[3] @0", HasKernel: false),
        new("com.microsoft:BiasSplitGelu", "x[2,2,6] x[6]", HasKernel: false),
        new("com.microsoft:BiasSplitGelu", "x[1,3,2] x[2]", HasKernel: false),
        new("com.microsoft:BiasSplitGelu", "x[1,1,8] x[8]", HasKernel: false),
    ];
}
