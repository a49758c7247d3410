using CompressTool.Compression.Pruning.Blocks;
using CompressTool.Compression.Sampling;
using CompressTool.Compression.Tests.Quantization;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Loop;

namespace CompressTool.Compression.Tests.Pruning.Blocks;

/// <summary>What models lose without blocks.</summary>
[TestClass]
public sealed class BlockSensitivityTests
{
    private static readonly OnnxRuntimeEngine s_engine = new();

    [TestMethod]
    public void A_bypassed_block_is_as_good_as_removed_and_the_model_stays_as_it_is()
    {
        using var model = BlockModels.UNet(1, levels: 2);
        var bytes = model.ToBytes();
        var blocks = BlockAnalysis.Find(model);
        var feeds = BlockModels.Feeds();
        var arrays = feeds.ToDictionary(feed => feed.Key, feed => NdArray.From(feed.Value));
        using var function = new BypassFunction(s_engine, model, blocks, CancellationToken.None);
        Assert.AreSequenceEqual(bytes, model.ToBytes(), "The gates are out again.");
        Assert.AreSequenceEqual(["sample", "timestep", "encoder_hidden_states"], function.Inputs.Select(input => input.Name));
        Assert.AreEqual(0, Difference(ModelRunner.Run(bytes, feeds)["out_sample"].ToFloats(), function.Run(arrays)["out_sample"].ToArray()), 1e-5);
        var pairs = blocks.Index().Where(block => block.Index % 3 == 0).Select(block => new[] { block.Index }).Append([1, blocks.Count - 1]).Where(choice => choice.Length == 1 || !blocks[choice[1]].IsInside(blocks[choice[0]]));
        foreach (var choice in pairs)
        {
            using var copy = Model.Parse(bytes);
            var all = BlockAnalysis.Find(copy);
            BlockRemoval.Remove(copy, [.. choice.Select(index => all[index])]);
            function.Choose([.. choice.Select(index => blocks[index])]);
            var expected = ModelRunner.Run(copy.ToBytes(), feeds, Runtime.GraphOptimizationLevel.DisableAll)["out_sample"].ToFloats();
            Assert.AreEqual(0, Difference(expected, function.Run(arrays)["out_sample"].ToArray()), 1e-5, string.Join(", ", choice.Select(index => blocks[index].Name)));
        }
    }

    [TestMethod]
    public void Losses_of_branches_that_do_not_meet_add_up()
    {
        // Each branch takes the first channel, which none writes, and writes a channel of its own.
        using var model = new Model();
        model.OpsetImports[""] = 17;
        var builder = new Training.Expressions.GraphBuilder(model);
        var x = builder.Input("x", DataType.Float, new Shape(new Dim("batch"), 5, 4, 4));
        var value = x * 1.0001;
        for (var channel = 1; channel < 5; channel++)
        {
            var kernel = new float[25];
            kernel[5 * channel] = channel - 1;
            var weight = builder.Graph.AddInitializer($"branch{channel}.weight", Tensor.Floats([5, 5, 1, 1], kernel));
            value += builder.Node("Conv", [value, builder.Initializer(weight)]);
        }

        builder.AddOutput("y", value * 2);
        var blocks = BlockAnalysis.Find(model).Where(block => block.Kind == BlockKind.Residual).ToArray();
        Assert.HasCount(4, blocks);
        using var sensitivity = new BlockSensitivity(s_engine, model, blocks, new ArraySource([new("x", BlockModels.Noise(3, 20, 5, 4, 4))], 8)) { Samples = 20 };

        var single = sensitivity.Measure([.. blocks.Select(block => new[] { block })]);
        var joint = sensitivity.Measure([blocks[1..], [blocks[1], blocks[3]], []]);

        Assert.AreEqual(0, single[0], "It gives nothing.");
        Assert.IsTrue(single[1] > 0 && Math.Abs((single[3] / single[1]) - 9) < 1e-3, "The third gives three times as much as the first.");
        Assert.AreEqual(single.Sum(), joint[0], single.Sum() * 1e-6);
        Assert.AreEqual(single[1] + single[3], joint[1], joint[1] * 1e-6);
        Assert.AreEqual(0, joint[2]);
        var additivity = BlockAdditivity.Measure(blocks, new BlockScores(blocks.Zip(single).ToDictionary(pair => pair.First.Name, pair => pair.Second)), choices => sensitivity.Measure(choices), subsets: 20);
        Assert.AreEqual(1, additivity.Spearman, 1e-9);
    }

    [TestMethod]
    public void The_number_of_samples_is_kept_whatever_the_batch()
    {
        using var model = BlockModels.UNet(1, levels: 2);
        var block = BlockAnalysis.Find(model).First(block => block.Kind == BlockKind.Residual);
        var tensors = BlockModels.Feeds(7);
        var losses = new[] { 7, 3, 1 }.Select(batch =>
        {
            using var sensitivity = new BlockSensitivity(s_engine, model, [block], new ArraySource(tensors, batch, shuffle: false)) { Samples = 5 };
            return sensitivity.Measure([[block]])[0];
        }).ToArray();
        Assert.IsGreaterThan(0, losses[0]);
        Assert.AreEqual(losses[0], losses[1], losses[0] * 1e-4);
        Assert.AreEqual(losses[0], losses[2], losses[0] * 1e-4);
    }

    [TestMethod]
    public void Data_that_lacks_an_input_is_refused()
    {
        using var model = BlockModels.UNet(1, levels: 2);
        var blocks = BlockAnalysis.Find(model).Take(1).ToArray();
        using var sensitivity = new BlockSensitivity(s_engine, model, blocks, new ArraySource([new("sample", BlockModels.Noise(3, 4, 4, 16, 16))], 4)) { Samples = 4 };
        var error = Assert.ThrowsExactly<CompressToolException>(() => sensitivity.Measure([blocks]));
        Assert.AreEqual("data", error.OptionPath);
        Assert.Contains("'timestep'", error.Message);
    }

    [TestMethod]
    public void Samples_of_a_diffusion_model_differ_without_a_block_and_come_from_the_same_noise()
    {
        var path = Repository.Oracle("fashion-ddpm", "model_op17.onnx");
        if (path is null)
        {
            Assert.Inconclusive("The oracles are not here.");
        }

        using var model = Model.Load(path);
        var blocks = BlockAnalysis.Find(model).Where(block => block.Name is "mid_block" or "up_blocks.3.resnets.1").ToArray();
        Assert.HasCount(2, blocks);
        using var sensitivity = new SamplingSensitivity(s_engine, model, blocks, new ModelSampleOptions { Count = 3, Batch = 2, Steps = 3 });
        var losses = sensitivity.Measure([[], [blocks[0]], [blocks[1]]]);
        Assert.AreEqual(0, losses[0], "The noise is the same.");
        Assert.IsTrue(losses[1] is > 0 and < 4, $"{losses[1]}");
        Assert.IsTrue(losses[2] is > 0 and < 4, $"{losses[2]}");
        var again = sensitivity.Measure([[blocks[0]]]);
        Assert.AreEqual(losses[1], again[0]);
    }

    [TestMethod]
    public void Ranks_are_compared()
    {
        Assert.AreEqual(1, RankCorrelation.Spearman([1, 2, 3, 10], [5, 6, 100, 101]), 1e-12);
        Assert.AreEqual(-1, RankCorrelation.Spearman([1, 2, 3], [9, 8, 1]), 1e-12);
        Assert.AreEqual(0.9486832980505138, RankCorrelation.Spearman([1, 2, 2, 3], [1, 2, 3, 4]), 1e-12, "Equal numbers share their ranks.");
        Assert.AreEqual(0, RankCorrelation.Spearman([1, 1, 1], [1, 2, 3]));
        Assert.AreEqual(0.5, RankCorrelation.Pearson([0, 1, 2], [0, 2, 1]), 1e-12);
    }

    private static double Difference(float[] one, float[] other) => one.Zip(other, (x, y) => Math.Abs((double)x - y)).Max();
}

file static class Arrays
{
    public static float[] ToArray(this NdArray array) => array.AsSpan<float>().ToArray();
}
