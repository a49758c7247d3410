using CompressTool.Training.RandomNumbers;

namespace CompressTool.Training.Tests.RandomNumbers;

[TestClass]
public sealed class PhiloxTests
{
    /// <summary>The known answers that the authors of Philox published with it (kat_vectors, philox4x32 10).</summary>
    [TestMethod]
    [DataRow(new uint[] { 0, 0, 0, 0 }, 0ul, new uint[] { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 })]
    [DataRow(new uint[] { uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue }, ulong.MaxValue, new uint[] { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd })]
    [DataRow(new uint[] { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 }, 0x299f31d0a4093822ul, new uint[] { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 })]
    public void Blocks_are_the_published_ones(uint[] counter, ulong key, uint[] expected)
    {
        var (x0, x1, x2, x3) = Philox.Block((counter[0], counter[1], counter[2], counter[3]), key);
        CollectionAssert.AreEqual(expected, new[] { x0, x1, x2, x3 });
    }

    [TestMethod]
    [DataRow(0u)]
    [DataRow(0xFFFFFFFCu)] // the lowest word wraps inside the vector
    public void Vectors_of_blocks_hold_the_same_words(uint start)
    {
        const ulong key = 0x0123456789ABCDEF;
        var words = Philox.Blocks((start, 5, 6, 7), key);
        for (var i = 0; i < Philox.Width; i++)
        {
            var expected = Philox.Block((unchecked(start + (uint)i), 5, 6, 7), key);
            Assert.AreEqual(expected, ((uint)words.X0[i], (uint)words.X1[i], (uint)words.X2[i], (uint)words.X3[i]));
            Assert.AreEqual(0ul, (words.X0[i] | words.X1[i] | words.X2[i] | words.X3[i]) >> 32);
        }
    }
}
