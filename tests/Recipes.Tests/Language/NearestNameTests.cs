using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Tests.Language;

[TestClass]
public sealed class NearestNameTests
{
    private static readonly string[] s_names = ["magnitude", "taylor", "block-size", "n:m", "a"];

    [TestMethod]
    [DataRow("tayler", "taylor")]
    [DataRow("atylor", "taylor")]
    [DataRow("MAGNITUDE", "magnitude")]
    [DataRow("block_size", "block-size")]
    [DataRow("blockSize", "block-size")]
    [DataRow("magn", null)]
    [DataRow("hessian", null)]
    [DataRow("", "a")]
    public void Nearest_name_is_found(string name, string? nearest) => Assert.AreEqual(nearest, NearestName.Find(name, s_names));

    [TestMethod]
    public void Hint_lists_the_names_when_none_is_near()
    {
        Assert.AreEqual("; did you mean 'taylor'?", NearestName.Hint("tailor", s_names));
        Assert.AreEqual("; known: magnitude, taylor, block-size, n:m, a", NearestName.Hint("hessian", s_names));
        Assert.AreEqual("", NearestName.Hint("hessian", []));
        Assert.EndsWith("k11 and 38 more", NearestName.Hint("hessian", [.. Enumerable.Range(0, 50).Select(i => $"k{i}")]));
    }
}
