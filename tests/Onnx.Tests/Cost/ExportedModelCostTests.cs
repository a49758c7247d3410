using System.Text.Json;
using CompressTool.Onnx.Cost;
using CompressTool.Onnx.Passes;

namespace CompressTool.Onnx.Tests.Cost;

[TestClass]
public sealed class ExportedModelCostTests
{
    [TestMethod]
    public void Ddpm_cifar10_costs_what_the_architecture_says()
    {
        using var model = TestModels.Cifar();
        var cost = ModelCost.Measure(model);
        Assert.AreEqual(35_746_307, cost.Parameters);
        Assert.AreEqual(6_053_953_536, cost.Macs);
        Assert.AreEqual(6_221_856_768, cost.MacsWithAttention);
        Assert.AreEqual(4 * 35_746_307, cost.Bytes);
        CollectionAssert.AreEqual(new[] { "batch" }, cost.CountedAsOne.ToArray());

        // Two products of 256 x 256 x 256 at 16 x 16 in five attention blocks, one at 4 x 4.
        Assert.AreEqual((5 * 2 * 256L * 256 * 256) + (2 * 16L * 16 * 256), cost.MacsWithAttention - cost.Macs);
    }

    [TestMethod]
    public void Cost_grows_with_the_batch_and_not_by_sample()
    {
        using var model = TestModels.Cifar();
        var one = ModelCost.Measure(model);
        var eight = ModelCost.Measure(model, new Dictionary<string, long> { ["batch"] = 8 });
        Assert.AreEqual(8, eight.Batch);
        Assert.AreEqual(8 * one.Macs, eight.Macs);
        Assert.AreEqual(one.PerSample, eight.PerSample);
        Assert.AreEqual(one.Parameters, eight.Parameters);
        Assert.IsEmpty(eight.CountedAsOne);
    }

    [TestMethod]
    public void Stable_diffusion_costs_what_the_literature_says()
    {
        if (Repository.Oracle("big", "sd15-unet.onnx") is not { } path)
        {
            Assert.Inconclusive("The oracles are not here.");
            return;
        }

        using var model = TestModels.Load(path);
        var cost = ModelCost.Measure(model, TestModels.Bindings(model, batch: 1));
        Assert.AreEqual(859_520_964, cost.Parameters);
        Assert.AreEqual(338.6, Math.Round(cost.Macs / 1e9, 1));
        Assert.AreEqual(401.6, Math.Round(cost.MacsWithAttention / 1e9, 1));
        Assert.AreEqual(cost.Macs, cost.Nodes.Sum(node => node.Macs));
        Assert.AreEqual(cost.Parameters, cost.Nodes.Sum(node => node.Parameters));
    }

    [TestMethod]
    public void Parameters_are_those_of_the_exported_network()
    {
        if (Repository.OracleFolder is not { } folder)
        {
            Assert.Inconclusive("The oracles are not here.");
            return;
        }

        foreach (var meta in Directory.GetFiles(folder, "meta.json", SearchOption.AllDirectories))
        {
            using var json = JsonDocument.Parse(File.ReadAllText(meta));
            var expected = json.RootElement.GetProperty("params").GetInt64();
            var models = Directory.GetFiles(Path.GetDirectoryName(meta)!, "*.onnx").ToDictionary(path => Path.GetFileName(path), Parameters);
            if (models.TryGetValue("encoder_op17.onnx", out var encoder))
            {
                // The autoencoder is exported in two halves.
                Assert.AreEqual(expected, encoder + models["decoder_op17.onnx"], meta);
                continue;
            }

            foreach (var (name, parameters) in models)
            {
                // The DiT for opset 17 has one scale of ones for its LayerNormalizations, which the network does not have.
                var artificial = meta.Contains("dit", StringComparison.Ordinal) && name.Contains("op17", StringComparison.Ordinal) ? 64 : 0;
                Assert.AreEqual(expected + artificial, parameters, meta + name);
            }
        }
    }

    [TestMethod]
    public void Folding_and_binding_leave_the_cost_alone()
    {
        foreach (var path in TestModels.Paths.Where(path => !path.Contains("sd15", StringComparison.Ordinal)))
        {
            using var model = TestModels.Load(path);
            var numbers = TestModels.Bindings(model, batch: 2);
            var before = ModelCost.Measure(model, numbers);
            SymbolBinding.Run(model, numbers);
            ConstantFolding.Run(model);
            var after = ModelCost.Measure(model);
            Assert.AreEqual((before.Macs, before.MacsWithAttention, before.Parameters, before.Batch), (after.Macs, after.MacsWithAttention, after.Parameters, after.Batch), path);
        }
    }

    [TestMethod]
    public void Exports_of_one_network_cost_the_same_by_sample()
    {
        foreach (var family in TestModels.Paths.GroupBy(path => Path.GetDirectoryName(path) + Path.GetFileName(path).Split("_op")[0]).Where(family => !family.Key.Contains("big", StringComparison.Ordinal)))
        {
            var costs = family.Select(path =>
            {
                using var model = TestModels.Load(path);
                return ModelCost.Measure(model).PerSample;
            }).Distinct().ToArray();
            Assert.HasCount(1, costs, family.Key);
        }
    }

    private static long Parameters(string path)
    {
        using var model = TestModels.Load(path);
        return ModelCost.Measure(model).Parameters;
    }
}
