using CompressTool.Diffusion.Metrics;
using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Tests.Metrics;

[TestClass]
public sealed class ImageSimilarityTests
{
    /// <summary>The values are those of a program in numpy that goes through every window by itself.</summary>
    [TestMethod]
    [DataRow(16, 16, 1, 0.9228690834655188, 18.6649953682021)]
    [DataRow(24, 17, 3, 0.9345490570440443, 18.233848591731107)]
    [DataRow(32, 32, 3, 0.9355480736208236, 18.273196642963956)]
    public void Values_are_those_of_an_independent_program(int width, int height, int channels, double ssim, double psnr)
    {
        var (a, b) = (Create(width, height, channels, false), Create(width, height, channels, true));

        Assert.AreEqual(ssim, ImageSimilarity.Ssim(a, b), 1e-12);
        Assert.AreEqual(psnr, ImageSimilarity.Psnr(a, b), 1e-12);
        Assert.AreEqual(ssim, ImageSimilarity.Ssim(b, a), 1e-12);
    }

    [TestMethod]
    public void Equal_pictures_are_as_alike_as_can_be()
    {
        var a = Create(12, 11, 3, false);

        Assert.AreEqual(1, ImageSimilarity.Ssim(a, a), 1e-12);
        Assert.AreEqual(double.PositiveInfinity, ImageSimilarity.Psnr(a, a));
        Assert.AreEqual(20 * Math.Log10(255), ImageSimilarity.Psnr(new Picture(1, 2, 1, [5, 6]), new Picture(1, 2, 1, [6, 5])), 1e-12);
    }

    [TestMethod]
    public void What_cannot_be_compared_is_refused()
    {
        foreach (var action in new Action[] { () => ImageSimilarity.Ssim(new Picture(10, 11, 1), new Picture(10, 11, 1)), () => ImageSimilarity.Psnr(new Picture(1, 2, 1), new Picture(2, 1, 1)) })
        {
            Assert.AreEqual(DiffusionErrors.InvalidMetric, Assert.ThrowsExactly<CompressToolException>(action).Code);
        }
    }

    private static Picture Create(int width, int height, int channels, bool changed)
    {
        var picture = new Picture(width, height, channels);
        for (var i = 0; i < picture.Pixels.Length; i++)
        {
            var (x, y, c) = (i / channels % width, i / channels / width, i % channels);
            var value = ((x * 7) + (y * 13) + (c * 29) + (x * y * (c + 1) / 3)) % 256;
            picture.Pixels[i] = (byte)(changed ? ((value * 3) + (((x * 31) + (y * 17) + (c * 5)) % 64)) / 4 % 256 : value);
        }

        return picture;
    }
}
