using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Tests.Pictures;

[TestClass]
public sealed class PictureTests
{
    private static readonly Picture s_small = new(3, 2, 1, [1, 2, 3, 4, 5, 6]);

    [TestMethod]
    [DataRow("area", ResizeFilter.Area)]
    [DataRow("bilinear", ResizeFilter.Bilinear)]
    [DataRow("bicubic", ResizeFilter.Bicubic)]
    public void Resize_is_that_of_Pillow_but_for_one_rounding(string name, ResizeFilter filter)
    {
        var picture = PictureFile.Read(Repository.Fixture("pictures", "resize.png"));
        foreach (var (width, height) in new[] { (12, 9), (41, 50) })
        {
            var expected = NpyFile.Read(Repository.Fixture("pictures", $"resize-{name}-{width}x{height}.npy")).ToArray<byte>();

            var actual = picture.Resize(width, height, filter).Pixels;

            var largest = expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max();
            Assert.IsLessThanOrEqualTo(1, largest, $"{width} x {height}");
        }
    }

    [TestMethod]
    public void Grey_is_that_of_Pillow()
    {
        var grey = PictureFile.Read(Repository.Fixture("pictures", "resize.png")).WithChannels(1);

        CollectionAssert.AreEqual(NpyFile.Read(Repository.Fixture("pictures", "resize-grey.npy")).ToArray<byte>(), grey.Pixels);
    }

    [TestMethod]
    public void Alpha_is_laid_over_white()
    {
        var picture = new Picture(3, 1, 4, [10, 20, 30, 255, 10, 20, 30, 0, 100, 0, 255, 51]);

        CollectionAssert.AreEqual(new byte[] { 10, 20, 30, 255, 255, 255, 224, 204, 255 }, picture.WithChannels(3).Pixels);
        CollectionAssert.AreEqual(new byte[] { 77, 77, 77 }, new Picture(1, 1, 1, [77]).WithChannels(3).Pixels);
    }

    [TestMethod]
    public void Parts_and_mirror_images()
    {
        CollectionAssert.AreEqual(new byte[] { 2, 3, 5, 6 }, s_small.Crop(1, 0, 2, 2).Pixels);
        CollectionAssert.AreEqual(new byte[] { 3, 2, 1, 6, 5, 4 }, s_small.Flip().Pixels);
        CollectionAssert.AreEqual(new byte[] { 4, 5, 6, 1, 2, 3 }, new Picture(2, 1, 3, [1, 2, 3, 4, 5, 6]).Flip().Pixels);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => s_small.Crop(2, 0, 2, 2));
    }

    [TestMethod]
    public void Cover_takes_the_middle()
    {
        CollectionAssert.AreEqual(new byte[] { 2, 5 }, new Picture(3, 2, 1, [1, 2, 3, 4, 5, 6]).Cover(1, 2).Pixels);
        var wide = new Picture(9, 3, 1, [.. Enumerable.Range(0, 27).Select(i => (byte)(i % 9))]);
        CollectionAssert.AreEqual(new byte[] { 4 }, wide.Cover(1, 1, ResizeFilter.Area).Pixels);
    }

    [TestMethod]
    public void Grids_have_gaps_and_free_places()
    {
        var one = new Picture(1, 1, 1, [7]);

        var grid = PictureGrid.Assemble([one, one, one], gap: 1, background: 9);

        Assert.AreEqual((5, 5), (grid.Width, grid.Height));
        CollectionAssert.AreEqual(new byte[] { 9, 9, 9, 9, 9, 9, 7, 9, 7, 9, 9, 9, 9, 9, 9, 9, 7, 9, 9, 9, 9, 9, 9, 9, 9 }, grid.Pixels);
        CollectionAssert.AreEqual(new byte[] { 1, 1, 2, 2, 1, 1, 2, 2 }, new Picture(2, 1, 1, [1, 2]).Enlarge(2).Pixels);
        Assert.ThrowsExactly<ArgumentException>(() => PictureGrid.Assemble([one, s_small]));
    }

    [TestMethod]
    public void Samples_are_rounded_as_diffusers_does()
    {
        // numpy: ((x / 2 + 0.5).clip(0, 1) * 255).round() in float32; 0 and the next three are halfway between two levels.
        float[] samples = [-1, 1, 0, -2, 2, -0.49411762f, -0.48627448f, -0.47843134f, float.NaN, float.PositiveInfinity];

        var picture = PictureConversion.ToPictures(samples, [1, 1, 2, 5])[0];

        CollectionAssert.AreEqual(new byte[] { 0, 255, 128, 0, 255, 64, 66, 66, 0, 255 }, picture.Pixels);
    }

    [TestMethod]
    public void Planes_become_pixels_and_back()
    {
        float[] samples = [.. Enumerable.Range(0, 24).Select(i => (i * 10 / 127.5f) - 1)];

        var pictures = PictureConversion.ToPictures(samples, [2, 3, 2, 2]);
        var back = new float[12];
        PictureConversion.ToSamples(pictures[1], back);

        CollectionAssert.AreEqual(new byte[] { 0, 40, 80, 10, 50, 90, 20, 60, 100, 30, 70, 110 }, pictures[0].Pixels);
        CollectionAssert.AreEqual(samples[12..], back);
    }

    [TestMethod]
    public void What_is_no_picture_is_refused()
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => PictureConversion.ToPictures(new float[16], [1, 4, 4]));

        Assert.AreEqual(DiffusionErrors.NotAPicture, error.Code);
    }
}
