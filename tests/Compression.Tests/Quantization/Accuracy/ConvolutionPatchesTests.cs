using CompressTool.Compression.Quantization.Accuracy;

namespace CompressTool.Compression.Tests.Quantization.Accuracy;

[TestClass]
public sealed class ConvolutionPatchesTests
{
    [TestMethod]
    public void Patches_are_what_the_kernel_sees_with_zeros_for_padding()
    {
        // One image, 3x3: 1..9; kernel 2x2, padded by a row above and a column to the right.
        var patches = new ConvolutionPatches(1, 3, 3, 2, 2) { Padding = (1, 0, 0, 1) };
        Assert.AreEqual((3, 3, 4), (patches.OutputHeight, patches.OutputWidth, patches.Length));
        var rows = All(patches, [1, 2, 3, 4, 5, 6, 7, 8, 9], 0);
        CollectionAssert.AreEqual(new float[] { 0, 0, 1, 2 }, rows[..4]);
        CollectionAssert.AreEqual(new float[] { 0, 0, 3, 0 }, rows[8..12]);
        CollectionAssert.AreEqual(new float[] { 5, 6, 8, 9 }, rows[28..32]);
        CollectionAssert.AreEqual(new float[] { 6, 0, 9, 0 }, rows[32..36]);
    }

    [TestMethod]
    public void The_weight_times_the_patches_is_the_convolution()
    {
        const int images = 2, channels = 6, outputs = 4, height = 11, width = 9, groups = 2;
        var patches = new ConvolutionPatches(channels, height, width, 3, 2) { Strides = (2, 1), Dilations = (1, 3), Padding = (2, 1, 0, 2), Groups = groups };
        var (input, weight) = (Matrices.Random(images * channels * height * width, 1), Matrices.Random(outputs * patches.Length, 2));
        var positions = patches.OutputHeight * patches.OutputWidth;
        for (var group = 0; group < groups; group++)
        {
            var rows = All(patches, input, group);
            Assert.HasCount(images * positions * patches.Length, rows);
            for (var output = group * 2; output < (group + 1) * 2; output++)
            {
                for (var row = 0; row < images * positions; row++)
                {
                    var sum = Enumerable.Range(0, patches.Length).Sum(k => (double)weight[(output * patches.Length) + k] * rows[(row * patches.Length) + k]);
                    Assert.AreEqual(Convolve(input, weight, row / positions, output, row % positions / patches.OutputWidth, row % patches.OutputWidth), sum, 1e-5);
                }
            }
        }

        // The definition of the operator Conv.
        double Convolve(float[] input, float[] weight, int image, int output, int row, int column)
        {
            var sum = 0.0;
            for (var channel = 0; channel < channels / groups; channel++)
            {
                for (var (tap, y) = (0, (row * 2) - 2); tap < 3; tap++, y++)
                {
                    for (var (right, x) = (0, column - 1); right < 2; right++, x += 3)
                    {
                        if (y is >= 0 and < height && x is >= 0 and < width)
                        {
                            var plane = (image * channels) + (output / 2 * channels / groups) + channel;
                            sum += (double)weight[(((output * channels / groups) + channel) * 6) + (tap * 2) + right] * input[(((plane * height) + y) * width) + x];
                        }
                    }
                }
            }

            return sum;
        }
    }

    [TestMethod]
    public void Parts_of_images_are_refused() =>
        Assert.ThrowsExactly<ArgumentException>(() => new ConvolutionPatches(1, 3, 3, 2, 2).ForEach(new float[10], 0, _ => { }));

    private static float[] All(ConvolutionPatches patches, float[] input, int group)
    {
        var all = new List<float>();
        patches.ForEach(input, group, rows => all.AddRange(rows));
        return [.. all];
    }
}
