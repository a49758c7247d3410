using System.Buffers.Binary;
using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Tests.Pictures;

[TestClass]
public sealed class PngTests
{
    public static IEnumerable<object[]> Files => Directory.EnumerateFiles(Repository.Fixture("pictures"), "*-*.png").Order(StringComparer.Ordinal).Select(path => new object[] { Path.GetFileNameWithoutExtension(path) });

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Every_colour_type_depth_and_interlace_is_read(string name)
    {
        var expected = NpyFile.Read(Repository.Fixture("pictures", name + ".npy"));

        var picture = PictureFile.Read(Repository.Fixture("pictures", name + ".png"));

        CollectionAssert.AreEqual(expected.Dims.ToArray(), new long[] { picture.Height, picture.Width, picture.Channels });
        CollectionAssert.AreEqual(expected.ToArray<byte>(), picture.Pixels);
    }

    [TestMethod]
    public void There_are_files_of_all_kinds() => Assert.AreEqual(41, Files.Count());

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(4)]
    public void What_is_written_is_read_again(int channels)
    {
        using var folder = new TempFolder();
        var random = new Random(channels);
        var picture = new Picture(31, 17, channels);
        for (var i = 0; i < picture.Pixels.Length; i++)
        {
            // Slopes and noise, so that all filters are best somewhere.
            picture.Pixels[i] = (byte)((i / 7 % 256) + random.Next(i / 200 + 1));
        }

        PictureFile.Write(folder.File("a.png"), picture);
        PictureFile.Write(folder.File("b.png"), picture);
        var read = PictureFile.Read(folder.File("a.png"));

        Assert.AreEqual((31, 17, channels), (read.Width, read.Height, read.Channels));
        CollectionAssert.AreEqual(picture.Pixels, read.Pixels);
        CollectionAssert.AreEqual(File.ReadAllBytes(folder.File("a.png")), File.ReadAllBytes(folder.File("b.png")));
        Assert.HasCount(2, Directory.GetFiles(folder.Path));
    }

    [TestMethod]
    public void A_smooth_picture_is_packed_well()
    {
        var picture = new Picture(256, 256, 3);
        for (var i = 0; i < picture.Pixels.Length; i++)
        {
            picture.Pixels[i] = (byte)((i / 3 % 256) + (i / 768));
        }

        Assert.IsLessThan(2000, PngWriter.Encode(picture).Length, "without filters it would not be packed at all");
    }

    [TestMethod]
    public void A_file_cut_anywhere_or_with_any_bit_flipped_is_refused_with_a_clear_error()
    {
        var bytes = File.ReadAllBytes(Repository.Fixture("pictures", "palette-4-interlaced.png"));
        for (var length = 0; length < bytes.Length; length++)
        {
            AssertInvalid(bytes[..length]);
        }

        for (var place = 0; place < bytes.Length; place++)
        {
            var changed = bytes.ToArray();
            changed[place] ^= 1;
            AssertInvalid(changed);
        }
    }

    [TestMethod]
    public void A_header_that_claims_too_much_costs_no_memory()
    {
        var bytes = PngWriter.Encode(new Picture(4, 4, 1));
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(16), 20_000);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(20), 20_000);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(29), PngFormat.Crc(bytes.AsSpan(12, 17)));
        var before = GC.GetAllocatedBytesForCurrentThread();

        var error = AssertInvalid(bytes);

        StringAssert.Contains(error.Message, "too few for 20000 x 20000");
        Assert.IsLessThan(1_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    [DataRow("FFD8FFE000104A464946", "a JPEG file, and only PNG is read; convert it, e.g. with ImageMagick: magick mogrify -format png *.jpg")]
    [DataRow("524946460000000057454250", "a WebP file")]
    [DataRow("474946383961", "a GIF file")]
    public void Other_formats_are_named(string start, string expected)
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => PictureFile.Decode(Convert.FromHexString(start), "photo.jpg"));

        Assert.AreEqual(DiffusionErrors.UnsupportedPicture, error.Code);
        StringAssert.Contains(error.Message, expected);
    }

    private static CompressToolException AssertInvalid(byte[] bytes)
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => PictureFile.Decode(bytes, "x.png"));
        Assert.AreEqual(DiffusionErrors.InvalidPicture, error.Code);
        return error;
    }
}
