using CompressTool.Training.Kernels;

namespace CompressTool.Training.Tests.Kernels;

[TestClass]
public sealed class ConvRotateWeightTests
{
    [TestMethod]
    [DataRow(5, 37, 3)]
    [DataRow(40, 16, 9)]
    [DataRow(3, 1, 1)]
    public void Channels_are_exchanged_and_kernels_reversed(int filters, int channels, int places)
    {
        foreach (var kernel in (long[][])[[places], [1, places], [places, 2]])
        {
            var weight = OneNode.Random(new Random(1), [filters, channels, .. kernel]);

            var result = OneNode.Run(new ConvRotateWeight(), [weight], [])[0];

            Assert.AreSequenceEqual((long[])[channels, filters, .. kernel], result.Dims);
            var (source, target, size) = (weight.AsSpan<float>().ToArray(), result.AsSpan<float>().ToArray(), (int)kernel.Aggregate((a, b) => a * b));
            for (var index = 0; index < source.Length; index++)
            {
                var (filter, channel, place) = (index / size / channels, index / size % channels, index % size);
                Assert.AreEqual(source[index], target[(((channel * filters) + filter) * size) + size - 1 - place]);
            }
        }
    }
}
