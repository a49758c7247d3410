using CompressTool.Recipes.Reports;

namespace CompressTool.Recipes.Tests.Reports;

[TestClass]
public sealed class LayerSizeTests
{
    private static readonly ModelFacts s_before = Facts(["a", "a_b", "gone"], new("a.weight", 400, 100), new("a_b.weight", 80, 20), new("gone.weight", 8, 2), new("a.bias", 40, 10));

    [TestMethod]
    public void Layers_are_found_again_behind_quantization()
    {
        var sizes = LayerSize.Compare(s_before, Facts([], new("a.weight_quantized", 100, 60), new("a.weight_scale", 4, 0), new("a_b.weight_Q4", 10, 20), new("a_b.weight_zero_points", 1, 0), new("a.bias", 40, 9), new("new", 4, 1)));

        CollectionAssert.AreEqual(
            (LayerSize[])[new("a", 400, 104, 100, 60), new("a_b", 80, 11, 20, 20), new("gone", 8, 0, 2, 0), new(null, 40, 44, 10, 10)],
            sizes.ToArray());
    }

    [TestMethod]
    public void Models_without_common_weights_are_not_compared_by_layers()
    {
        Assert.IsEmpty(LayerSize.Compare(s_before, Facts(["x"], new WeightFacts("x.weight", 4, 1), new WeightFacts("a.bias", 4, 1))));
    }

    private static ModelFacts Facts(string[] layers, params WeightFacts[] weights) =>
        new(0, 0, 0, 0, [], [.. layers.Select(layer => new LayerName(layer, layer + ".weight"))], weights);
}
