using CompressTool.Compression.Pruning.Blocks;
using CompressTool.Compression.Tests.Quantization;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Runtime;
using CompressTool.Testing.Models;
using CompressTool.Training.Expressions;

namespace CompressTool.Compression.Tests.Pruning.Blocks;

/// <summary>Blocks found in graphs.</summary>
[TestClass]
public sealed class BlockAnalysisTests
{
    [TestMethod]
    public void A_U_Net_falls_into_its_levels_parts_and_sub_layers()
    {
        using var model = BlockModels.UNet(2);
        var blocks = BlockAnalysis.Find(model).ToDictionary(block => block.Name);

        Assert.AreEqual(BlockKind.Residual, blocks["down_blocks.0.resnets.0"].Kind);
        Assert.AreEqual(BlockKind.Shortcut, blocks["down_blocks.1.resnets.0"].Kind, "Its width changes.");
        Assert.AreEqual(BlockKind.Residual, blocks["mid_block.attentions.0"].Kind);
        Assert.AreEqual(BlockKind.Level, blocks["mid_block"].Kind);
        Assert.AreEqual(BlockKind.Series, blocks["up_blocks.0.upsamplers.0.conv"].Kind);
        foreach (var pair in new[] { "down_blocks.0.resnets.1+down_blocks.0.attentions.1", "up_blocks.1.resnets.1+up_blocks.1.attentions.1" })
        {
            Assert.AreEqual(BlockKind.Chain, blocks[pair].Kind);
        }

        var slot = blocks["up_blocks.1.resnets.1+up_blocks.1.attentions.1+skip"];
        Assert.AreEqual(BlockKind.Slot, slot.Kind);
        Assert.AreSame(slot, blocks["up_blocks.1.resnets.1+up_blocks.1.attentions.1"].Parent);

        var transformer = blocks["down_blocks.1.attentions.1"];
        var inner = blocks.Values.Where(block => block.IsInside(transformer)).ToArray();
        Assert.AreSequenceEqual(new[] { "", ".attn1", ".attn2", ".ff.net" }.Select(end => "down_blocks.1.attentions.1.transformer_blocks.0" + end), inner.Select(block => block.Name));
        Assert.AreEqual(BlockKind.Chain, inner[0].Kind);
        Assert.IsTrue(inner[1..].All(block => block.Kind == BlockKind.Residual && block.Parent == inner[0]));
        var weights = model.Graph.Initializers.Where(value => value.Name.StartsWith("down_blocks.1.attentions.1.", StringComparison.Ordinal)).Sum(value => value.Initializer!.Count);
        Assert.AreEqual(weights, transformer.Parameters);
    }

    [TestMethod]
    public void Names_label_blocks_and_do_nothing_else()
    {
        using var named = BlockModels.UNet(2);
        using var model = BlockModels.UNet(2);
        foreach (var (index, node) in model.Graph.Nodes.Index())
        {
            node.Name = $"n{(index * 7919) % 10007}";
        }

        foreach (var (index, value) in model.Graph.Values().Where(value => !value.IsGraphInput && !value.IsGraphOutput).ToArray().Index())
        {
            value.Name = $"v{(index * 7919) % 10007}";
        }

        Assert.AreSequenceEqual(
            BlockAnalysis.Find(named).Select(block => (block.Kind, block.Parameters, block.Macs, block.Nodes.Count)),
            BlockAnalysis.Find(model).Select(block => (block.Kind, block.Parameters, block.Macs, block.Nodes.Count)));
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Every_block_can_go_and_takes_what_it_says(string name, int least)
    {
        using var original = Build(name);
        var bytes = original.ToBytes();
        var blocks = BlockAnalysis.Find(original);
        Assert.IsGreaterThanOrEqualTo(least, blocks.Count, string.Join(Environment.NewLine, blocks));
        for (var index = 0; index < blocks.Count; index += blocks.Count > 20 ? 3 : 1)
        {
            using var model = Model.Parse(bytes);
            var block = BlockAnalysis.Find(model)[index];
            Assert.AreEqual(blocks[index].Name, block.Name);
            var nodes = model.Graph.Nodes.Count;

            var report = BlockRemoval.Remove(model, [block]);

            Assert.AreEqual(block.Parameters, report.Before.Parameters - report.After.Parameters, block.Name);
            Assert.AreEqual(block.Macs, report.Before.PerSample.Macs - report.After.PerSample.Macs, 0.5, block.Name);
            Assert.AreEqual(block.MacsWithAttention, report.Before.PerSample.MacsWithAttention - report.After.PerSample.MacsWithAttention, 0.5, block.Name);
            Assert.AreEqual(nodes - block.Nodes.Count, model.Graph.Nodes.Count, block.Name);
            var outputs = ModelRunner.Run(model.ToBytes(), Feeds(name, model), GraphOptimizationLevel.DisableAll);
            Assert.IsTrue(outputs.Values.All(output => output.ToFloats().All(float.IsFinite)), block.Name);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Blocks_are_trees(string name, int least)
    {
        using var model = Build(name);
        var blocks = BlockAnalysis.Find(model);
        Assert.IsGreaterThanOrEqualTo(least, blocks.Count);
        foreach (var (index, block) in blocks.Index())
        {
            foreach (var other in blocks.Skip(index + 1))
            {
                Assert.IsFalse(block.IsInside(other), $"{block} comes before {other}, which it is inside of");
                Assert.AreEqual(other.IsInside(block), block.Nodes.Overlaps(other.Nodes), $"{block}, {other}");
                Assert.AreEqual(other.IsInside(block), other.Nodes.IsProperSubsetOf(block.Nodes), $"{block}, {other}");
            }
        }
    }

    [TestMethod]
    [DataRow(1.0)]
    [DataRow(1.41421356)]
    public void A_branch_that_gives_nothing_can_go_without_a_trace(double scale)
    {
        using var model = new Model();
        model.OpsetImports[""] = 17;
        var builder = new Training.Expressions.GraphBuilder(model);
        var x = builder.Input("x", DataType.Float, 2, 4, 6, 6);
        var start = x * 2;
        var branch = Conv(builder, Conv(builder, start, "a", 1).Max(start.Number(0)), "b", 0);
        builder.AddOutput("y", ((start + (0.3 * branch)) / scale).Sigmoid());
        var blocks = BlockAnalysis.Find(model);
        var block = blocks.Single(block => block.Kind == BlockKind.Residual);
        var feeds = new Dictionary<string, Tensor> { ["x"] = BlockModels.Noise(1, 2, 4, 6, 6) };
        var before = ModelRunner.Run(model.ToBytes(), feeds)["y"].ToFloats();

        BlockRemoval.Remove(model, [block]);

        Assert.AreEqual(0, ModelCost.Measure(model).Parameters);
        Assert.IsFalse(model.Graph.Nodes.Any(node => node.Is("Div")), "The scale is a part of the block.");
        var after = ModelRunner.Run(model.ToBytes(), feeds)["y"].ToFloats();
        Assert.AreEqual(scale == 1, before.Zip(after).All(pair => pair.First == pair.Second));
    }

    [TestMethod]
    public void A_result_of_the_model_can_be_bypassed_to_its_input()
    {
        using var model = new Model();
        model.OpsetImports[""] = 17;
        var builder = new Training.Expressions.GraphBuilder(model);
        var x = builder.Input("x", DataType.Float, 2, 4, 6, 6);
        builder.AddOutput("y", x + Conv(builder, x, "a", 1));

        BlockRemoval.Remove(model, [BlockAnalysis.Find(model).Single()]);

        var feeds = new Dictionary<string, Tensor> { ["x"] = BlockModels.Noise(1, 2, 4, 6, 6) };
        Assert.AreSequenceEqual(feeds["x"].ToFloats(), ModelRunner.Run(model.ToBytes(), feeds)["y"].ToFloats());
    }

    [TestMethod]
    public void Plain_layers_of_one_shape_are_blocks_with_what_follows_them()
    {
        using var model = new Model();
        model.OpsetImports[""] = 17;
        var builder = new Training.Expressions.GraphBuilder(model);
        var value = builder.Input("x", DataType.Float, 1, 3, 6, 6);
        foreach (var (channels, name) in new[] { (4, "a"), (4, "b"), (4, "c"), (8, "d"), (8, "e") })
        {
            value = Conv(builder, value, name, 1, channels);
            value = value.Max(value.Number(0));
        }

        builder.AddOutput("y", value);
        var blocks = BlockAnalysis.Find(model);
        Assert.AreSequenceEqual(["b", "c", "e"], blocks.Select(block => block.Name));
        Assert.IsTrue(blocks.All(block => block.Kind == BlockKind.Series && block.Nodes.Count(node => !node.Is("Constant")) == 2), string.Join(", ", blocks));
    }

    [TestMethod]
    [DataRow("vit/static", "blocks.blocks.", 3, 2)]
    [DataRow("gpt2/static", "transformer.h.", 2, 2)]
    [DataRow("llama/static", "model.layers.", 2, 2)]
    [DataRow("bert/static", "bert.encoder.layer.", 2, 2)]
    public void The_layers_of_a_transformer_come_out_whole(string name, string prefix, int layers, int parts)
    {
        using var model = ClassicModels.Get(name).Build();
        var blocks = BlockAnalysis.Find(model);
        var chains = blocks.Where(block => block.Kind == BlockKind.Chain).ToArray();
        Assert.AreSequenceEqual(Enumerable.Range(0, layers).Select(layer => $"{prefix}{layer}"), chains.Select(chain => chain.Name));
        foreach (var chain in chains)
        {
            Assert.AreEqual(parts, blocks.Count(block => block.Parent == chain && block.Kind == BlockKind.Residual));
        }

        // All layers gone, with whatever normalises between them, no weight of any is left.
        BlockRemoval.Remove(model, chains);
        var weights = string.Join(", ", model.Graph.Initializers.Select(value => value.Name).Where(value => value.StartsWith(prefix.Replace("blocks.blocks", "blocks"), StringComparison.Ordinal)));
        Assert.AreEqual("", weights);
        Assert.IsTrue(ModelRunner.Run(model.ToBytes(), ClassicModels.Get(name).Inputs(model)).Values.All(output => output.ToFloats().All(float.IsFinite)));
    }

    private static IEnumerable<object[]> Models =>
        [.. ClassicModels.Architectures.Select(model => new object[] { model.Name, 1 }), ["vit/decomposed-dynamic", 9], ["unet", 55], ["unet-exported", 35]];

    private static Model Build(string name)
    {
        if (name != "unet-exported")
        {
            return name == "unet" ? BlockModels.UNet(2, levels: 2) : ClassicModels.Get(name).Build();
        }

        var path = Repository.Oracle("unet2d-cond", "model_op17.onnx");
        if (path is null)
        {
            Assert.Inconclusive("The oracles are not here.");
        }

        return Model.Load(path);
    }

    private static IReadOnlyDictionary<string, Tensor> Feeds(string name, Model model) => name switch
    {
        "unet" => BlockModels.Feeds(),
        "unet-exported" => new[] { "sample", "timestep", "encoder_hidden_states" }.ToDictionary(input => input, input => NpyFile.Read(Repository.Oracle("unet2d-cond", "io", input + ".npy")!)),
        _ => ClassicModels.Get(name).Inputs(model),
    };

    /// <summary>A convolution of size 3 with weights of one size.</summary>
    private static Expr Conv(Training.Expressions.GraphBuilder builder, Expr x, string name, float size, int? channels = null)
    {
        long[] dims = [channels ?? x.Dims[1], x.Dims[1], 3, 3];
        var noise = BlockModels.Noise(name[0], dims).ToFloats();
        var weight = builder.Graph.AddInitializer(name + ".weight", Tensor.Floats(dims, [.. noise.Select(number => number * size)]));
        return builder.Node("Conv", [x, builder.Initializer(weight)], Onnx.Attribute.Ints("pads", 1, 1, 1, 1));
    }
}
