using System.Text.RegularExpressions;
using CompressTool.Compression.Pruning.Blocks;
using CompressTool.Compression.Tests.Quantization;
using CompressTool.Diffusion.Export;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;

namespace CompressTool.Compression.Tests.Pruning.Blocks;

/// <summary>The sets of blocks with a name: the counts of BK-SDM, and models that were small from the beginning.</summary>
[TestClass]
public sealed partial class BlockSetTests
{
    [TestMethod]
    [DataRow(BlockSet.Base, 579_384_964, 223.7)]
    [DataRow(BlockSet.Small, 482_346_884, 217.6)]
    [DataRow(BlockSet.Tiny, 323_384_964, 205.0)]
    public void Stable_Diffusion_1_5_as_exported_loses_what_BK_SDM_does(BlockSet set, long parameters, double macs)
    {
        var path = Repository.Oracle("big", "sd15-unet.onnx");
        if (path is null)
        {
            Assert.Inconclusive("The oracles are not here.");
        }

        using var model = Model.Load(path, new LoadOptions { AllowMissingWeights = true });
        var bindings = model.Graph.Inputs.SelectMany(input => input.Shape!).Select(dim => dim.Symbol).OfType<string>().Distinct()
            .ToDictionary(symbol => symbol, symbol => symbol.Contains("batch") ? 1L : symbol.Contains("seq") ? 77 : 64);
        Check(model, set, bindings, 859_520_964, 338.6, parameters, macs);
    }

    [TestMethod]
    [DataRow(BlockSet.Base, 579_384_964, 223.7)]
    [DataRow(BlockSet.Small, 482_346_884, 217.6)]
    [DataRow(BlockSet.Tiny, 323_384_964, 205.0)]
    public void Stable_Diffusion_1_5_as_imported_loses_what_BK_SDM_does(BlockSet set, long parameters, double macs)
    {
        using var model = BlockModels.Configured("sd15-unet");
        Check(model, set, new() { ["height"] = 64, ["width"] = 64, ["sequence"] = 77 }, 859_520_964, 338.6, parameters, macs);
    }

    [TestMethod]
    [DataRow(BlockSet.Base, 583_480_964, 224.0)]
    [DataRow(BlockSet.Small, 485_787_524, 217.9)]
    [DataRow(BlockSet.Tiny, 326_825_604, 205.2)]
    public void Stable_Diffusion_2_1_loses_what_BK_SDM_does(BlockSet set, long parameters, double macs)
    {
        using var model = BlockModels.Configured("sd21-unet");
        Check(model, set, new() { ["height"] = 64, ["width"] = 64, ["sequence"] = 77 }, 865_910_724, 339.1, parameters, macs);
    }

    [TestMethod]
    [DataRow(BlockSet.Base, 3, true)]
    [DataRow(BlockSet.Small, 3, false)]
    [DataRow(BlockSet.Tiny, 2, false)]
    public void What_is_left_computes_what_a_small_model_with_the_same_weights_does(BlockSet set, int levels, bool middle)
    {
        using var pruned = BlockModels.UNet(2);
        var weights = pruned.Graph.Initializers.ToDictionary(value => value.Name, value => value.Initializer!);
        using var student = BlockModels.UNet(1, levels, middle);
        foreach (var value in student.Graph.Initializers.ToArray())
        {
            Graph.ReplaceInitializer(value, weights[TeacherName(value.Name, 3 - levels)]);
        }

        BlockRemoval.Remove(pruned, BlockSets.Find(pruned, set));

        Assert.AreSequenceEqual(student.Graph.Nodes.Select(node => node.OpType).Order(StringComparer.Ordinal), pruned.Graph.Nodes.Select(node => node.OpType).Order(StringComparer.Ordinal));
        var feeds = BlockModels.Feeds();
        var expected = ModelRunner.Run(student.ToBytes(), feeds)["out_sample"].ToFloats();
        var actual = ModelRunner.Run(pruned.ToBytes(), feeds)["out_sample"].ToFloats();
        Assert.IsTrue(expected.Max(Math.Abs) > 0.1f);
        Assert.AreEqual(0, expected.Zip(actual, (x, y) => Math.Abs(x - y)).Max(), 1e-5);
    }

    [TestMethod]
    [DataRow(BlockSet.Base)]
    [DataRow(BlockSet.Small)]
    [DataRow(BlockSet.Tiny)]
    public void What_is_left_is_a_checkpoint_of_diffusers_again(BlockSet set)
    {
        using var folder = new TempFolder();
        using var model = BlockModels.UNet(2);
        BlockRemoval.Remove(model, BlockSets.Find(model, set));

        var exported = DiffusersExporter.Export(model, folder.File("out"));

        Assert.AreEqual(ModelCost.Measure(model).Parameters, exported.Parameters);
        Assert.AreEqual("1", exported.Changes["layers_per_block"]);
        Assert.AreEqual(set != BlockSet.Base, exported.Changes.ContainsKey("mid_block_type"));
        Assert.AreEqual(set == BlockSet.Tiny, exported.Changes.ContainsKey("block_out_channels"));
    }

    [TestMethod]
    public void The_exported_model_with_one_part_a_level_can_lose_its_middle_only()
    {
        var path = Repository.Oracle("unet2d-cond", "model_op17.onnx");
        if (path is null)
        {
            Assert.Inconclusive("The oracles are not here.");
        }

        using var model = Model.Load(path);
        Assert.AreEqual(CompressionErrors.NoEffect, Assert.ThrowsExactly<CompressToolException>(() => BlockSets.Find(model, BlockSet.Base)).Code);
        var blocks = BlockSets.Find(model, BlockSet.Small);
        Assert.AreSequenceEqual(["mid_block"], blocks.Select(block => block.Name));
        var report = BlockRemoval.Remove(model, blocks);
        Assert.AreEqual(report.Before.Parameters - blocks[0].Parameters, report.After.Parameters);
        var feeds = new[] { "sample", "timestep", "encoder_hidden_states" }.ToDictionary(name => name, name => NpyFile.Read(Repository.Oracle("unet2d-cond", "io", name + ".npy")!));
        Assert.IsTrue(ModelRunner.Run(model.ToBytes(), feeds)["out_sample"].ToFloats().All(float.IsFinite));
    }

    [TestMethod]
    public void A_model_without_skips_is_refused()
    {
        using var model = Testing.Models.ClassicModels.Get("gpt2/static").Build();
        var error = Assert.ThrowsExactly<CompressToolException>(() => BlockSets.Find(model, BlockSet.Base));
        Assert.AreEqual(CompressionErrors.UnsuitableModel, error.Code);
        Assert.AreEqual("blocks", error.OptionPath);
    }

    [TestMethod]
    public void Open_sizes_are_filled_in()
    {
        var path = Repository.Oracle("big", "sd15-unet.onnx");
        if (path is null)
        {
            Assert.Inconclusive("The oracles are not here.");
        }

        using var model = Model.Load(path, new LoadOptions { AllowMissingWeights = true });
        Assert.IsTrue(model.Graph.Inputs[0].Shape!.Skip(2).All(dim => dim.Symbol is not null), "Height and width are open.");
        var report = BlockRemoval.Remove(model, BlockSets.Find(model, BlockSet.Tiny));
        Assert.AreEqual(323_384_964, report.After.Parameters);
        Assert.AreEqual(205.0 / 338.6, report.After.PerSample.Macs / report.Before.PerSample.Macs, 0.01, "The length of the text is another.");
    }

    private static void Check(Model model, BlockSet set, Dictionary<string, long> bindings, long parametersBefore, double macsBefore, long parameters, double macs)
    {
        var report = BlockRemoval.Remove(model, BlockSets.Find(model, set, bindings), bindings);

        Assert.AreEqual(parametersBefore, report.Before.Parameters);
        Assert.AreEqual(parameters, report.After.Parameters);
        Assert.AreEqual(macsBefore, report.Before.PerSample.Macs / 1e9, 0.05);
        Assert.AreEqual(macs, report.After.PerSample.Macs / 1e9, 0.05);
        Assert.AreEqual(63.0, (report.Before.PerSample.MacsWithAttention - report.Before.PerSample.Macs) / 1e9, 0.05);
        Assert.AreEqual(37.8, (report.After.PerSample.MacsWithAttention - report.After.PerSample.Macs) / 1e9, 0.05);
        GraphChecker.Check(model);
        var shapes = ShapeInference.Analyze(model, new InferenceOptions { Bindings = bindings, Refresh = true });
        Assert.IsEmpty(shapes.Incomplete);
        Assert.AreSequenceEqual(["4", "64", "64"], shapes.TypeOf(model.Graph.Outputs[0])!.Shape!.Skip(1).Select(dim => dim.ToString()));
    }

    /// <summary>The name that a student's weight has in the teacher: decoder parts 0 and 1 are 0 and 2 there, and all decoders move up by the levels that are gone.</summary>
    private static string TeacherName(string student, int levelsGone) => UpPart().Replace(student, match =>
        $"up_blocks.{int.Parse(match.Groups[1].Value) + levelsGone}.{match.Groups[2].Value}" + (match.Groups[3].Value == ".1" && match.Groups[2].Value != "upsamplers" ? ".2" : match.Groups[3].Value));

    [GeneratedRegex(@"^up_blocks\.(\d+)\.(\w+)(\.\d+)")]
    private static partial Regex UpPart();
}
