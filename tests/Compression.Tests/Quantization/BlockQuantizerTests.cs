using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.WeightOnly;

namespace CompressTool.Compression.Tests.Quantization;

[TestClass]
public sealed class BlockQuantizerTests
{
    [TestMethod]
    public void The_extreme_value_of_a_symmetric_block_becomes_code_0_whatever_its_sign()
    {
        var negative = Quantize(new BlockFormat(4, 16, IsSymmetric: true), [-8, 7, 3.5f, 0, 1, -1]);
        Assert.AreEqual(1f, negative.Scale);
        CollectionAssert.AreEqual(new[] { 0, 15, 12, 8, 9, 7 }, negative.Codes[..6]);

        // The largest magnitude is positive: the scale turns negative, and -7.6 does not fit exactly any more.
        var positive = Quantize(new BlockFormat(4, 16, IsSymmetric: true), [8, -7.6f, 3.5f, 0, 1, -1]);
        Assert.AreEqual(-1f, positive.Scale);
        CollectionAssert.AreEqual(new[] { 0, 15, 5, 8, 7, 9 }, positive.Codes[..6]);
    }

    [TestMethod]
    public void Equal_extremes_count_as_negative()
    {
        var (scale, _, codes) = Quantize(new BlockFormat(4, 16, IsSymmetric: true), [4, -4]);
        Assert.AreEqual(0.5f, scale);
        CollectionAssert.AreEqual(new[] { 15, 0, 8 }, codes[..3]);
    }

    [TestMethod]
    public void Halves_round_away_from_zero()
    {
        // Scale 1: x + 8 = 8.5, 9.5, 7.5, 6.5, 0.5; to even would give 8, 10, 8, 6, 0.
        var (_, _, codes) = Quantize(new BlockFormat(4, 16, IsSymmetric: true), [-8, 0.5f, 1.5f, -0.5f, -1.5f, -7.5f]);
        CollectionAssert.AreEqual(new[] { 0, 9, 10, 8, 7, 1 }, codes[..6]);
    }

    [TestMethod]
    public void The_number_just_below_a_half_rounds_down()
    {
        // Adding 0.5 and cutting off would give 1.
        var (_, zeroPoint, codes) = Quantize(new BlockFormat(4, 16, IsSymmetric: false), [15, 0.49999997f, 0]);
        Assert.AreEqual(0, zeroPoint);
        CollectionAssert.AreEqual(new[] { 15, 0, 0 }, codes[..3]);
    }

    [TestMethod]
    public void Asymmetric_ranges_include_zero()
    {
        var positive = Quantize(new BlockFormat(4, 16, IsSymmetric: false), [15, 10], fill: 7);
        Assert.AreEqual((1f, 0), (positive.Scale, positive.ZeroPoint));
        CollectionAssert.AreEqual(new[] { 15, 10, 7 }, positive.Codes[..3]);

        var negative = Quantize(new BlockFormat(4, 16, IsSymmetric: false), [-15, -10], fill: -7);
        Assert.AreEqual((1f, 15), (negative.Scale, negative.ZeroPoint));
        CollectionAssert.AreEqual(new[] { 0, 5, 8 }, negative.Codes[..3]);

        // -min / scale = 5 / 2 = 2.5 becomes zero point 3.
        var both = Quantize(new BlockFormat(4, 16, IsSymmetric: false), [-5, 25]);
        Assert.AreEqual((2f, 3), (both.Scale, both.ZeroPoint));
        CollectionAssert.AreEqual(new[] { 1, 15, 3 }, both.Codes[..3]);
    }

    [TestMethod]
    public void Blocks_of_zeros_have_scale_0_and_decode_to_zero()
    {
        var symmetric = Quantize(new BlockFormat(4, 16, IsSymmetric: true), [0]);
        Assert.AreEqual((0f, 8), (symmetric.Scale, symmetric.ZeroPoint));
        Assert.IsTrue(symmetric.Codes.All(code => code == 8));
        Assert.IsFalse(float.IsNegative(symmetric.Scale));

        var asymmetric = Quantize(new BlockFormat(8, 16, IsSymmetric: false), [0]);
        Assert.AreEqual((0f, 0), (asymmetric.Scale, asymmetric.ZeroPoint));
        Assert.IsTrue(asymmetric.Codes.All(code => code == 0));
    }

    [TestMethod]
    public void Scales_too_small_for_a_reciprocal_count_as_zero()
    {
        var (scale, _, codes) = Quantize(new BlockFormat(4, 16, IsSymmetric: true), [1e-39f, 0]);
        Assert.AreEqual(0f, scale);
        Assert.AreEqual(8, codes[0]);
    }

    [TestMethod]
    public void Half_scales_are_rounded_before_the_codes_are_found()
    {
        // -0.3 / 8 is not a half; the codes belong to the half beside it, the zero point of the asymmetric form to the exact scale.
        var block = new float[16];
        (block[0], block[1]) = (-0.3f, 0.29f);
        var symmetric = BlockQuantizer.FindParameters(block, new BlockFormat(4, 16, IsSymmetric: true), halfScale: true);
        Assert.AreEqual((float)(Half)(0.3f / 8), symmetric.Scale);
        Assert.AreNotEqual(0.3f / 8, symmetric.Scale);
        Assert.AreEqual(1 / symmetric.Scale, symmetric.Reciprocal);
    }

    [TestMethod]
    [DataRow(4, 16, true)]
    [DataRow(4, 32, false)]
    [DataRow(4, 256, true)]
    [DataRow(8, 32, true)]
    [DataRow(8, 64, false)]
    [DataRow(8, 128, true)]
    public void Random_blocks_equal_the_plain_rules(int bits, int blockSize, bool symmetric)
    {
        var format = new BlockFormat(bits, blockSize, symmetric);
        var random = new Random(bits * blockSize);
        for (var round = 0; round < 500; round++)
        {
            var block = new float[blockSize];
            var (offset, spread) = (random.NextDouble() - 0.5, Math.Pow(10, random.Next(-8, 8)));
            for (var index = 0; index < block.Length; index++)
            {
                block[index] = (float)((random.NextDouble() - 0.5 + offset) * spread);
            }

            var (scale, zeroPoint, codes) = Quantize(format, block);
            var (expectedScale, expectedZeroPoint, expectedCodes) = PlainRules(block, bits, symmetric);
            Assert.AreEqual(expectedScale, scale);
            Assert.AreEqual(expectedZeroPoint, zeroPoint);
            CollectionAssert.AreEqual(expectedCodes, codes);
        }
    }

    [TestMethod]
    public void Codes_past_the_end_are_0_and_the_first_of_two_is_in_the_low_half()
    {
        var format = new BlockFormat(4, 16, IsSymmetric: true);
        var block = new float[16];
        (block[0], block[1], block[2]) = (-8, 1, 2);
        var bytes = new byte[8];
        bytes.AsSpan().Fill(0xFF);
        BlockQuantizer.Encode(block, 3, BlockQuantizer.FindParameters(block, format, false), format, bytes);
        CollectionAssert.AreEqual(new byte[] { 0x90, 0x0A, 0, 0, 0, 0, 0, 0 }, bytes);
    }

    [TestMethod]
    public void Measured_error_is_that_of_the_decoded_block()
    {
        var format = new BlockFormat(4, 32, IsSymmetric: false);
        var random = new Random(5);
        var block = new float[32];
        for (var index = 0; index < block.Length; index++)
        {
            block[index] = (float)random.NextDouble();
        }

        var parameters = BlockQuantizer.FindParameters(block, format, false);
        var sums = default(WeightErrorSums);
        BlockQuantizer.Measure(block, parameters, format, ref sums);
        var (scale, zeroPoint, codes) = Quantize(format, block);
        var errors = block.Select((weight, index) => weight - ((codes[index] - zeroPoint) * scale)).ToArray();
        Assert.AreEqual(errors.Max(Math.Abs), sums.MaxAbsError, 1e-7);
        Assert.AreEqual(10 * Math.Log10(block.Sum(x => x * (double)x) / errors.Sum(x => x * (double)x)), sums.SnrDb!.Value, 0.006);
        Assert.IsLessThanOrEqualTo((scale / 2) + 1e-7, sums.MaxAbsError);
    }

    private static (float Scale, int ZeroPoint, int[] Codes) Quantize(BlockFormat format, float[] start, float fill = 0)
    {
        var block = new float[format.BlockSize];
        block.AsSpan().Fill(fill);
        start.CopyTo(block, 0);
        var parameters = BlockQuantizer.FindParameters(block, format, halfScale: false);
        var bytes = new byte[format.BlockBytes];
        BlockQuantizer.Encode(block, block.Length, parameters, format, bytes);
        var codes = format.Bits == 8 ? Array.ConvertAll(bytes, x => (int)x) : bytes.SelectMany(x => new[] { x & 0xF, x >> 4 }).ToArray();
        return (parameters.Scale, parameters.ZeroPoint, codes);
    }

    private static (float Scale, int ZeroPoint, int[] Codes) PlainRules(float[] block, int bits, bool symmetric)
    {
        var (top, middle) = ((1 << bits) - 1, 1 << (bits - 1));
        float scale;
        int zeroPoint;
        if (symmetric)
        {
            var (min, max) = (block.Min(), block.Max());
            scale = -(MathF.Abs(max) > MathF.Abs(min) ? max : min) / middle;
            zeroPoint = middle;
        }
        else
        {
            var (min, max) = (MathF.Min(block.Min(), 0), MathF.Max(block.Max(), 0));
            scale = (max - min) / top;
            zeroPoint = (int)Math.Clamp(MathF.Round(-min / scale, MidpointRounding.AwayFromZero), 0, top);
        }

        var reciprocal = 1 / scale;
        return (scale, zeroPoint, Array.ConvertAll(block, x => (int)Math.Clamp(MathF.Round((x * reciprocal) + zeroPoint, MidpointRounding.AwayFromZero), 0, top)));
    }
}
