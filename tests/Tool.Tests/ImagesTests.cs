using CompressTool.Diffusion.Data.Shapes;
using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests;

[TestClass]
public sealed class ImagesTests
{
    [TestMethod]
    public async Task Shapes_are_written_with_labels_and_grid()
    {
        using var temp = new TempFolder();

        var result = (await ToolRunner.RunAsync("images", "shapes", "--count", "12", "--size", "16", "--seed", "5", "-o", temp.File("shapes.npy"), "--grid", temp.File("grid.png"), "--json")).Expect(0);

        var images = NpyFile.Read((string)result.Json["file"]!);
        Assert.AreEqual("uint8[12,16,16,3]", images.ToString());
        CollectionAssert.AreEqual(new ShapeImages(5, 16).DrawAll(12).ToArray<byte>(), images.ToArray<byte>());
        CollectionAssert.AreEqual(new long[] { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1 }, NpyFile.Read(temp.File("shapes.labels.npy")).ToInt64s());
        var grid = PictureFile.Read(temp.File("grid.png"));
        Assert.AreEqual((182, 38), (grid.Width, grid.Height));
        Assert.AreEqual("house", (string?)result.Json["classes"]![0]);
    }

    [TestMethod]
    [DataRow("images shapes", "CMP6003", "--output")]
    [DataRow("images shapes -o x.npy --size 7", "CMP6004", "'7' is not")]
    [DataRow("images shapes -o x.npy --size 1000", "CMP6004", "up to 512")]
    [DataRow("images shapes -o x.npy --size 512 --count 10000", "CMP6004", "more than a file of 2 GB")]
    public async Task Bad_options_are_refused(string commandLine, string code, string message)
    {
        var result = (await ToolRunner.RunAsync(commandLine.Split(' '))).Expect(2);

        Assert.Contains($"error {code}: ", result.Error);
        Assert.Contains(message, result.Error);
    }
}
