using CompressTool.Diffusion.Data;
using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Tests.Data;

[TestClass]
public sealed class ImageSetTests
{
    [TestMethod]
    public void A_folder_is_read_with_all_below_it_in_ordinal_order()
    {
        using var folder = new TempFolder();
        foreach (var (name, value) in new[] { ("b/2.png", 2), ("B/1.png", 1), ("a/10.png", 3), ("a/9.png", 4), ("top.PNG", 5) })
        {
            Write(folder, name, value);
        }

        folder.Write(".hidden.png", "x");
        folder.Write("notes.txt", "x");

        var set = ImageSetReader.Open(folder.Path, new ImageSetOptions { LabelFrom = null });

        CollectionAssert.AreEqual(new[] { "B/1.png", "a/10.png", "a/9.png", "b/2.png", "top.PNG" }, set.Names.ToArray());
        Assert.AreEqual("uint8[5,2,3,1]", set.Images.ToString());
        CollectionAssert.AreEqual(new byte[] { 1, 3, 4, 2, 5 }, set.Images.ToArray<byte>().Where((_, i) => i % 6 == 0).ToArray());
        Assert.IsNull(set.Labels);
    }

    [TestMethod]
    [DataRow("*.png", "c.png")]
    [DataRow("a/*.png", "a/1.png,a/2.png")]
    [DataRow("a/?.png", "a/1.png,a/2.png")]
    [DataRow("**/1.png", "a/1.png,b/d/1.png")]
    [DataRow("b/**/*.png", "d/1.png")]
    [DataRow("**", "a/1.png,a/2.png,b/d/1.png,c.png")]
    [DataRow("*/*.png", "a/1.png,a/2.png")]
    public void Patterns_choose_files(string pattern, string expected)
    {
        using var folder = new TempFolder();
        foreach (var name in new[] { "a/1.png", "a/2.png", "b/d/1.png", "c.png" })
        {
            Write(folder, name, 1);
        }

        var files = FileSet.Find(Path.Combine(folder.Path, pattern), ".png");

        // The root of a/*.png is a.
        var names = files.Names.Select(name => Path.GetRelativePath(pattern.StartsWith("b/", StringComparison.Ordinal) ? files.Root : folder.Path, files.PathOf(name)).Replace('\\', '/'));
        Assert.AreEqual(expected, string.Join(',', names));
    }

    [TestMethod]
    public void What_is_not_there_is_named()
    {
        using var folder = new TempFolder();
        foreach (var (path, text) in new[] { ("x.png", "does not exist"), ("*.png", "no file matches"), ("none/*.png", "no file matches"), (".", "has no PNG files") })
        {
            var error = Assert.ThrowsExactly<CompressToolException>(() => FileSet.Find(Path.Combine(folder.Path, path), ".png"));
            Assert.AreEqual(OnnxErrors.FileNotFound, error.Code);
            StringAssert.Contains(error.Message, text);
        }
    }

    [TestMethod]
    public void Classes_come_from_folders_or_names()
    {
        string[] files = ["dog/1.png", "cat/x.png", "dog/2.png"];

        var (labels, classes) = FileLabels.Find(files, "folder");
        CollectionAssert.AreEqual(new long[] { 1, 0, 1 }, labels);
        CollectionAssert.AreEqual(new[] { "cat", "dog" }, classes.ToArray());

        (labels, classes) = FileLabels.Find(["x/9_a.png", "10_b.png", "9_c.png"], "{label}_*.png");
        CollectionAssert.AreEqual(new long[] { 9, 10, 9 }, labels);
        Assert.HasCount(11, classes, "numbers are labels as they are");

        (labels, _) = FileLabels.Find(["img-1-cat.png", "img-2-dog.png"], "img-?-{label}.png");
        CollectionAssert.AreEqual(new long[] { 0, 1 }, labels);

        Assert.AreEqual(DiffusionErrors.InvalidImageSet, Assert.ThrowsExactly<CompressToolException>(() => FileLabels.Find(["top.png"], "folder")).Code);
        StringAssert.Contains(Assert.ThrowsExactly<CompressToolException>(() => FileLabels.Find(["top.png"], "{label}_*.png")).Message, "'top.png' does not match");
        Assert.IsTrue(FileLabels.IsValid("folder") && FileLabels.IsValid("{label}.png"));
        Assert.IsFalse(FileLabels.IsValid("labels.csv") || FileLabels.IsValid("{label}/x.png"));
    }

    [TestMethod]
    public void Images_get_the_wanted_size_and_channels()
    {
        using var folder = new TempFolder();
        Write(folder, "a.png", 100, width: 4, height: 2);
        Write(folder, "b.png", 200, width: 4, height: 2);

        // One size with room: black around it.
        var padded = ImageSetReader.Open(folder.Path, new ImageSetOptions { Size = (4, 4), Channels = 3 });
        Assert.AreEqual("uint8[2,4,4,3]", padded.Images.ToString());
        var pixels = padded.Images.ToArray<byte>();
        Assert.AreEqual((0, 100, 100, 0), (pixels[0], pixels[12], pixels[24], pixels[36]));

        // The middle of a wide picture, or all of it.
        var cut = ImageSetReader.Open(folder.Path, new ImageSetOptions { Size = (2, 2), Fit = ImageFit.Cover });
        Assert.AreEqual("uint8[2,2,2,1]", cut.Images.ToString());
        CollectionAssert.AreEqual(new byte[] { 100, 100, 100, 100, 200, 200, 200, 200 }, cut.Images.ToArray<byte>());
        Assert.AreEqual("uint8[2,1,5,1]", ImageSetReader.Open(folder.Path, new ImageSetOptions { Size = (1, 5), Fit = ImageFit.Stretch }).Images.ToString());

        // Different sizes cover; without a wanted size they are refused, as is padding of what is too large.
        Write(folder, "c.png", 50, width: 2, height: 2);
        Assert.AreEqual("uint8[3,8,8,1]", ImageSetReader.Open(folder.Path, new ImageSetOptions { Size = (8, 8) }).Images.ToString());
        Fails("different sizes, e.g. 4 x 2 and 2 x 2", () => ImageSetReader.Open(folder.Path, new ImageSetOptions()));
        Fails("'" + folder.File("a.png") + "' has 4 x 2 pixels and cannot be padded to 3 x 3", () => ImageSetReader.Open(folder.Path, new ImageSetOptions { Size = (3, 3), Fit = ImageFit.Pad }).Images.ToArray<byte>());
    }

    [TestMethod]
    public void Arrays_are_padded_where_they_have_room_and_scaled_where_not()
    {
        using var folder = new TempFolder();
        var path = folder.File("x.npy");
        NpyFile.Write(path, Tensor.Create<byte>(DataType.UInt8, [2, 3, 6, 6], [.. Enumerable.Range(0, 216).Select(i => (byte)(i / 36 * 20))]));

        var padded = ImageSetReader.Open(path, new ImageSetOptions { Size = (8, 8) }).Images;
        Assert.AreEqual("uint8[2,8,8,3]", padded.ToString());
        CollectionAssert.AreEqual(new byte[] { 0, 0, 0, 0, 20, 40 }, padded.ToArray<byte>()[24..30], "black, and the first pixel in the second row and column");
        Assert.AreEqual("uint8[2,3,6,6]", ImageSetReader.Open(path, new ImageSetOptions { Size = (6, 6) }).Images.ToString());
        var small = ImageSetReader.Open(path, new ImageSetOptions { Size = (2, 2) }).Images;
        Assert.AreEqual("uint8[2,2,2,3]", small.ToString());
        CollectionAssert.AreEqual(new byte[] { 0, 20, 40 }, small.ToArray<byte>()[..3], "planes have become pixels");
        Assert.AreEqual("uint8[2,8,8,3]", ImageSetReader.Open(path, new ImageSetOptions { Size = (8, 8), Fit = ImageFit.Cover }).Images.ToString());

        NpyFile.Write(path, Tensor.Floats([1, 4, 4], new float[16]));
        Fails("only uint8 images can be scaled to 2 x 2", () => ImageSetReader.Open(path, new ImageSetOptions { Size = (2, 2) }));
        Fails("an array has no file names", () => ImageSetReader.Open(path, new ImageSetOptions { LabelFrom = "folder" }));
    }

    [TestMethod]
    public void Safetensors_bring_their_labels()
    {
        using var folder = new TempFolder();
        SafetensorsFile.Write(folder.File("a.safetensors"), [new("images", Tensor.Create<byte>(DataType.UInt8, [2, 1, 1], [7, 8])), new("labels", Tensor.Int64s(4, 2))]);
        SafetensorsFile.Write(folder.File("b.safetensors"), [new("pictures", Tensor.Int64s(1))]);

        var set = ImageSetReader.Open(folder.File("a.safetensors"), new ImageSetOptions());

        CollectionAssert.AreEqual(new long[] { 4, 2 }, set.Labels);
        CollectionAssert.AreEqual(new byte[] { 7, 8 }, set.Images.ToArray<byte>());
        Fails("has no tensor 'images'; it has pictures", () => ImageSetReader.Open(folder.File("b.safetensors"), new ImageSetOptions()));
    }

    [TestMethod]
    public void Jpeg_files_are_refused_not_passed_over()
    {
        using var folder = new TempFolder();
        Write(folder, "a.png", 1);
        File.WriteAllBytes(folder.File("b.jpg"), [0xFF, 0xD8, 0xFF, 0xE0, .. new byte[60]]);

        var error = Assert.ThrowsExactly<CompressToolException>(() => ImageSetReader.Open(folder.Path, new ImageSetOptions()));

        Assert.AreEqual(DiffusionErrors.UnsupportedPicture, error.Code);
    }

    [TestMethod]
    public void Captions_come_from_lines_or_from_texts_beside_the_images()
    {
        using var folder = new TempFolder();
        folder.Write("a.txt", "a red house\n");
        CollectionAssert.AreEqual(new[] { "a red house" }, Captions.Read(folder.Path, ["a.png"]).ToArray());
        Fails("'b.png' has no caption", () => Captions.Read(folder.Path, ["b.png"]));

        folder.Write(Captions.FileName, "{\"file_name\": \"x/a.png\", \"text\": \"one\"}\n\n{\"file_name\": \"b.png\", \"text\": \"two\", \"more\": 1}\n");
        CollectionAssert.AreEqual(new[] { "one", "two" }, Captions.Read(folder.Path, ["x/a.png", "x/b.png"]).ToArray());
        Fails("has no caption for 'c.png'", () => Captions.Read(folder.Path, ["c.png"]));
        folder.Write(Captions.FileName, "{\"file_name\": \"a.png\", \"text\": \"one\"}\n{\"file\": 1}\n");
        Fails("line 2 of", () => Captions.Read(folder.Path, ["a.png"]));
    }

    private static void Fails(string text, Action action)
    {
        var error = Assert.ThrowsExactly<CompressToolException>(action);
        Assert.AreEqual(DiffusionErrors.InvalidImageSet, error.Code);
        StringAssert.Contains(error.Message, text);
    }

    private static void Write(TempFolder folder, string name, int value, int width = 3, int height = 2) =>
        PictureFile.Write(folder.File(name.Split('/')), new Picture(width, height, 1, [.. Enumerable.Repeat((byte)value, width * height)]));
}
