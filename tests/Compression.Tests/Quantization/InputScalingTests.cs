using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.WeightOnly;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Quantization;

[TestClass]
public sealed class InputScalingTests
{
    public required TestContext TestContext { get; init; }

    [TestMethod]
    [DataRow("vit/dynamic", 10, 3)]
    [DataRow("vit/decomposed-static", 10, 3)]
    [DataRow("gpt2/dynamic", 7, 2)]
    [DataRow("gpt2/fused-dynamic", 3, 4)]
    [DataRow("llama/dynamic", 7, 2)]
    [DataRow("llama/fused-static", 7, 2)]
    [DataRow("bert/static", 3, 7)]
    [DataRow("dit/dynamic", 2, 12)]
    public void A_model_with_all_inputs_scaled_computes_what_it_did(string name, int leastWithoutNodes, int mostNodes)
    {
        var classic = ClassicModels.Get(name);
        using var model = classic.Build();
        var inputs = classic.Inputs(model);
        var before = ModelRunner.Run(model.ToBytes(), inputs);
        var nodes = model.Graph.Nodes.Count;

        var layers = Layers.Find(model.Graph).Where(layer => layer.Kind is LayerKind.MatMul or LayerKind.Gemm && MatrixLayers.Unfit(layer) is null
            && HessianPlan.Unfit(layer, model.Graph, HessianPlan.UsualBudget) is null && ChannelScaling.Unfit(layer) is null);
        var scaling = new InputScaling(model);
        var (withoutNodes, added) = (0, 0);
        foreach (var group in HessianPlan.Passes(layers, HessianPlan.UsualBudget).SelectMany(pass => pass))
        {
            var reason = scaling.NeedsNodes(group.Inputs, group.Layers);
            var scales = Array.ConvertAll(RandomTensors.Uniform(group.Inputs[0].Name, -2, 2, group.Size).ToFloats(), exponent => MathF.Pow(10, exponent));
            var more = scaling.Apply(group.Inputs, group.Layers, scales);
            TestContext.WriteLine($"{string.Join(", ", group.Layers.Select(layer => layer.Name))}: {reason ?? "constants"}");
            Assert.AreEqual(reason is null ? 0 : group.Inputs.Count, more);
            withoutNodes += reason is null ? 1 : 0;
            added += more;
        }

        TestContext.WriteLine($"{withoutNodes} without nodes, {added} nodes added");
        Assert.AreEqual(nodes + added, model.Graph.Nodes.Count);
        Assert.IsGreaterThanOrEqualTo(leastWithoutNodes, withoutNodes);
        Assert.IsLessThanOrEqualTo(mostNodes, added);
        var after = ModelRunner.Run(model.ToBytes(), inputs);
        foreach (var (output, tensor) in before)
        {
            Assert.IsGreaterThan(95, ModelRunner.SnrDb(tensor, after[output]), output);
        }
    }
}
