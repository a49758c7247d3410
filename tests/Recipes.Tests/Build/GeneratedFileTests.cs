using CompressTool.Recipes.Build;

namespace CompressTool.Recipes.Tests.Build;

[TestClass]
public sealed class GeneratedFileTests
{
    private static readonly DateTime s_past = new(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    [TestMethod]
    public void The_same_text_leaves_the_file_alone_whatever_its_line_ends()
    {
        using var folder = new TempFolder();
        var path = Path.Combine(folder.Path, "sub", "a.args");
        Assert.IsTrue(GeneratedFile.WriteIfDifferent(path, "one\r\ntwo\n"));
        File.SetLastWriteTimeUtc(path, s_past);

        Assert.IsFalse(GeneratedFile.WriteIfDifferent(path, "one\ntwo\n"));

        Assert.AreEqual(s_past, File.GetLastWriteTimeUtc(path));
        Assert.AreEqual("one\ntwo\n", File.ReadAllText(path));
    }

    [TestMethod]
    public void A_stamp_gets_a_new_time_and_leaves_nothing_else_behind()
    {
        using var folder = new TempFolder();
        var path = folder.Write("a.stamp", "x");
        File.SetLastWriteTimeUtc(path, s_past);

        GeneratedFile.Write(path, "x");

        Assert.AreNotEqual(s_past, File.GetLastWriteTimeUtc(path));
        CollectionAssert.AreEqual((string[])[path], Directory.GetFiles(folder.Path));
    }

    [TestMethod]
    public void Many_writers_at_once_leave_one_whole_text()
    {
        using var folder = new TempFolder();
        var path = folder.File("a.args");
        string[] texts = [.. Enumerable.Range(0, 8).Select(i => new string((char)('a' + i), 50_000))];

        Parallel.For(0, 200, i => GeneratedFile.WriteIfDifferent(path, texts[i % texts.Length]));

        CollectionAssert.Contains(texts, File.ReadAllText(path));
        CollectionAssert.AreEqual((string[])[path], Directory.GetFiles(folder.Path));
    }
}
