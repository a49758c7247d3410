using CompressTool.Compression.Quantization.Float16;
using CompressTool.Onnx;

namespace CompressTool.Compression.Tests.Quantization;

[TestClass]
public sealed class BrainFloatTensorTests
{
    [TestMethod]
    [DataRow(1.0f, 0x3F80)]
    [DataRow(1.00390625f, 0x3F80, DisplayName = "half a step above an even one")]
    [DataRow(1.01171875f, 0x3F82, DisplayName = "half a step above an odd one")]
    [DataRow(1.0039065f, 0x3F81, DisplayName = "beyond half a step")]
    [DataRow(-0.0f, 0x8000)]
    [DataRow(1e-40f, 0x0001, DisplayName = "subnormal")]
    [DataRow(float.MinValue, 0xFF7F, DisplayName = "a mask stays finite")]
    [DataRow(3.3895314e38f, 0x7F7F, DisplayName = "the largest")]
    [DataRow(float.PositiveInfinity, 0x7F80)]
    [DataRow(float.NaN, 0xFFC0)]
    public void Numbers_are_rounded_to_the_nearest(float number, int bits) =>
        Assert.AreEqual((ushort)bits, BrainFloatTensor.From(Tensor.Float(number)).ToArray<ushort>().Single());
}
