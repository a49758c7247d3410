using System.Text.Json;
using CompressTool.Recipes.Build;

namespace CompressTool.Recipes.Tests.Build;

[TestClass]
public sealed class ModelManifestTests
{
    [TestMethod]
    public void Metrics_are_sorted_and_the_text_does_not_depend_on_the_culture()
    {
        var manifest = Manifest() with { Metrics = new Dictionary<string, double> { ["sparsity"] = 0.5, ["macs"] = 1e9, ["Zebra"] = 1 } };

        var text = manifest.ToJson();

        using var document = JsonDocument.Parse(text);
        CollectionAssert.AreEqual(
            (string[])["Zebra", "macs", "sparsity"],
            document.RootElement.GetProperty("metrics").EnumerateObject().Select(metric => metric.Name).ToArray());
        Assert.AreEqual(0.5, document.RootElement.GetProperty("metrics").GetProperty("sparsity").GetDouble());
        Assert.DoesNotContain("\r", text);
    }

    [TestMethod]
    public void Gates_keep_the_order_of_the_recipe()
    {
        var manifest = Manifest() with { Gates = [new ManifestGate("size", 0.24, "max 25%"), new ManifestGate("psnr", 41.5, "min 40 dB")] };

        using var document = JsonDocument.Parse(manifest.ToJson());

        var gates = document.RootElement.GetProperty("gates");
        Assert.AreEqual("size", gates[0].GetProperty("name").GetString());
        Assert.AreEqual("min 40 dB", gates[1].GetProperty("limit").GetString());
    }

    [TestMethod]
    public void A_value_that_is_no_number_is_refused()
    {
        var manifest = Manifest() with { Metrics = new Dictionary<string, double> { ["psnr"] = double.NaN } };

        Assert.ThrowsExactly<ArgumentException>(manifest.ToJson);
    }

    internal static ModelManifest Manifest() => new()
    {
        Name = "shop",
        ModelFileName = "shop.onnx",
        Sha256 = "0123abcd",
        Bytes = 5_000_000_000,
        Parameters = 35_746_307,
    };
}
