using CompressTool.Runtime.CustomOperators;
using CompressTool.Training.Kernels;

namespace CompressTool.Training.Engine.Fusion;

/// <summary>The operators that a session needs to know when gradients are made with kernels.</summary>
internal static class TrainingKernels
{
    public static IReadOnlyList<CustomOperator> All { get; } = [new ConvGradWeight(), new ConvRotateWeight(), new FakeQuantize(), new FakeQuantizeGrad(), new GroupNormSilu(), new GroupNormSiluGrad(), new SiluGrad()];
}
