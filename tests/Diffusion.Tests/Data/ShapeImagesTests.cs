using System.Security.Cryptography;
using CompressTool.Diffusion.Data.Shapes;
using CompressTool.Diffusion.Pictures;

namespace CompressTool.Diffusion.Tests.Data;

[TestClass]
public sealed class ShapeImagesTests
{
    /// <summary>A change of the drawings changes what models trained on them are compared with; it has to be meant.</summary>
    [TestMethod]
    public void The_pixels_of_a_seed_are_fixed()
    {
        var pixels = new ShapeImages(1).DrawAll(40).ToArray<byte>();

        Assert.AreEqual("2540B52965370D73062BBFFB593B6FB5CFFCE03DC489E170581BF2AF3398FFFE", Convert.ToHexString(SHA256.HashData(pixels)));
    }

    [TestMethod]
    public void An_image_depends_on_seed_and_place_alone()
    {
        var set = new ShapeImages(7);
        var all = set.DrawAll(30).ToArray<byte>();

        CollectionAssert.AreEqual(all[^3072..], new ShapeImages(7).Draw(29).Pixels);
        CollectionAssert.AreNotEqual(set.Draw(3).Pixels, set.Draw(13).Pixels);
        CollectionAssert.AreNotEqual(set.Draw(3).Pixels, new ShapeImages(8).Draw(3).Pixels);
    }

    [TestMethod]
    public void Labels_and_classes_go_together()
    {
        CollectionAssert.AreEqual(new long[] { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1 }, ShapeImages.Labels(12).ToInt64s());
        Assert.AreEqual("sun", ShapeImages.Classes[ShapeImages.Label(12)]);
        Assert.HasCount(10, ShapeImages.Classes);
    }

    [TestMethod]
    public void Every_size_shows_the_same_image()
    {
        var (small, large) = (new ShapeImages(3, 16), new ShapeImages(3, 64));
        for (var i = 0; i < 10; i++)
        {
            // Both are means over points of the same drawing, the large one's shrunk to the small one's pixels.
            var shrunk = large.Draw(i).Resize(16, 16, ResizeFilter.Area).Pixels;
            var drawn = small.Draw(i).Pixels;
            Assert.IsLessThan(1.5, shrunk.Zip(drawn, (a, b) => Math.Abs((double)a - b)).Average(), ShapeImages.Classes[i]);
        }
    }

    [TestMethod]
    public void Objects_stand_out_and_stay_inside()
    {
        var set = new ShapeImages(11);
        for (var i = 0; i < 40; i++)
        {
            var picture = set.Draw(i);
            var background = picture.Row(0)[..3].ToArray();
            var different = Enumerable.Range(0, 32 * 32).Count(p => Enumerable.Range(0, 3).Any(c => Math.Abs(picture.Pixels[(3 * p) + c] - background[c]) > 24));
            Assert.IsInRange(150, 800, different, $"image {i}, {ShapeImages.Classes[ShapeImages.Label(i)]}");
            foreach (var corner in new[] { 0, 31, 31 * 32, (32 * 32) - 1 })
            {
                CollectionAssert.AreEqual(background, picture.Pixels[(3 * corner)..((3 * corner) + 3)], $"a corner of image {i}");
            }
        }
    }

    [TestMethod]
    public void Grey_has_one_channel() => CollectionAssert.AreEqual(new long[] { 5, 8, 8, 1 }, new ShapeImages(1, 8).DrawAll(5, 1).Dims.ToArray());
}
