using System.Runtime.InteropServices;
using CompressTool.Compression.Quantization.Float16;
using CompressTool.Onnx;

namespace CompressTool.Compression.Tests.Quantization;

[TestClass]
public sealed class HalfConversionTests
{
    [TestMethod]
    [DataRow(0f, 0x0000)]
    [DataRow(-0f, 0x8000)]
    [DataRow(1f, 0x3C00)]
    [DataRow(65504f, 0x7BFF)]
    [DataRow(65519f, 0x7BFF)]
    [DataRow(65520f, 0x7BFF)] // Infinity by the rules of rounding.
    [DataRow(1e9f, 0x7BFF)]
    [DataRow(float.MinValue, 0xFBFF)]
    [DataRow(float.PositiveInfinity, 0x7C00)]
    [DataRow(float.NegativeInfinity, 0xFC00)]
    [DataRow(6.1035156e-5f, 0x0400)] // The smallest normal.
    [DataRow(5.9604645e-8f, 0x0001)]
    [DataRow(5.96e-8f, 0x0001)]
    [DataRow(2e-8f, 0x0001)] // Zero by the rules of rounding.
    [DataRow(-1e-45f, 0x8001)]
    [DataRow(1.0004883f, 0x3C00)] // A tie between 1 and the next one goes to the even one.
    [DataRow(1.0014648f, 0x3C02)]
    [DataRow(8.940697e-8f, 0x0002)] // A tie between subnormals.
    public void Values_at_the_borders_convert_by_the_rules(float value, int expected)
    {
        var result = new ushort[1];
        HalfConversion.Convert([value], result);
        Assert.AreEqual(expected, result[0]);
    }

    [TestMethod]
    public void NaN_stays_NaN()
    {
        var result = new ushort[2];
        HalfConversion.Convert([float.NaN, -float.NaN], result);
        Assert.IsTrue(result.All(bits => Half.IsNaN(BitConverter.UInt16BitsToHalf(bits))));
    }

    [TestMethod]
    public void All_bit_patterns_sampled_densely_agree_with_the_framework_apart_from_clamps()
    {
        // Every 257th pattern, in runs of all lengths up to 100 so that both the vector and the rest are covered.
        var bits = new uint[100];
        var result = new ushort[bits.Length];
        var length = 1;
        for (ulong pattern = 0; pattern < 1UL << 32;)
        {
            for (var index = 0; index < length; index++, pattern += 257)
            {
                bits[index] = (uint)pattern;
            }

            HalfConversion.Convert(MemoryMarshal.Cast<uint, float>(bits.AsSpan(0, length)), result);
            for (var index = 0; index < length; index++)
            {
                if (Expected(BitConverter.UInt32BitsToSingle(bits[index])) != result[index])
                {
                    Assert.Fail($"{bits[index]:X8}: {result[index]:X4}");
                }
            }

            length = (length % 100) + 1;
        }
    }

    [TestMethod]
    public void Clamped_values_are_counted_and_the_largest_found()
    {
        var values = new float[10_000];
        values[3] = 65504;
        values[4095] = 65505;
        values[4096] = -1e6f;
        values[9999] = 70000;
        values[5000] = float.PositiveInfinity;
        values[5001] = float.NaN;
        values[5002] = float.MinValue; // Stands for infinity.
        Assert.AreEqual((3, 1e6f), HalfConversion.CountClamped(values));
        Assert.AreEqual((0, 0f), HalfConversion.CountClamped(values.AsSpan(0, 4095)));
    }

    [TestMethod]
    public void Tensors_convert_in_chunks()
    {
        var random = new Random(1);
        var values = Enumerable.Range(0, 700_001).Select(_ => random.NextSingle() - 0.5f).ToArray();
        var tensor = HalfTensor.From(Tensor.Floats([700_001], values));
        CollectionAssert.AreEqual(Array.ConvertAll(values, x => (Half)x), tensor.ToArray<Half>());
        values[600_000] = 1e5f;
        Assert.AreEqual((1, 1e5f), HalfTensor.CountClamped(Tensor.Floats([700_001], values)));
    }

    private static ushort Expected(float value)
    {
        if (float.IsNaN(value))
        {
            return (ushort)(0x7E00 | (float.IsNegative(value) ? 0x8000 : 0));
        }

        if (float.IsFinite(value) && value != 0)
        {
            value = MathF.CopySign(Math.Clamp(MathF.Abs(value), 5.96e-8f, 65504), value);
        }

        return BitConverter.HalfToUInt16Bits((Half)value);
    }
}
