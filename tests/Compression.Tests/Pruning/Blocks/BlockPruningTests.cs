using System.Text.Json.Nodes;
using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning.Blocks;
using CompressTool.Compression.Sampling;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Tests.Pruning.Blocks;

/// <summary>Blocks removed as options say.</summary>
[TestClass]
public sealed class BlockPruningTests
{
    [TestMethod]
    public void A_set_is_removed()
    {
        using var model = BlockModels.UNet(2);
        var figures = BlockPruning.Run(model, new BlockPruneOptions { Blocks = BlockSet.Small }, new StageContext());
        Assert.AreEqual(ModelCost.Measure(model).Parameters, (long)figures["parameters"]!);
        Assert.IsLessThan((long)figures["parametersBefore"]!, (long)figures["parameters"]!);
        Assert.IsLessThan((double)(long)figures["macsBefore"]!, (long)figures["macs"]!);
        Assert.Contains("mid_block", Names(figures));
    }

    [TestMethod]
    public void Blocks_are_removed_by_name_and_what_is_inside_goes_with_them()
    {
        using var model = BlockModels.UNet(2);
        var figures = BlockPruning.Run(model, new BlockPruneOptions { Remove = ["mid_block*", "up_blocks.1.resnets.1"] }, new StageContext());
        Assert.AreSequenceEqual(["mid_block", "up_blocks.1.resnets.1"], Names(figures).Order(StringComparer.Ordinal));
        Assert.IsFalse(model.Graph.Initializers.Any(value => value.Name.StartsWith("mid_block", StringComparison.Ordinal)));
        Assert.IsTrue(model.Graph.Initializers.Any(value => value.Name == "up_blocks.1.resnets.1.conv_shortcut.weight"));
    }

    [TestMethod]
    [DataRow(BlockCriterion.Magnitude, 0.7)]
    [DataRow(BlockCriterion.Random, 0.7)]
    [DataRow(BlockCriterion.Magnitude, 0.4)]
    public void A_target_of_parameters_or_operations_is_met(BlockCriterion criterion, double left)
    {
        foreach (var target in new[] { new BlockTarget { Parameters = new Fraction(left) }, new BlockTarget { Macs = new Fraction(left) } })
        {
            using var model = BlockModels.UNet(2);
            var figures = BlockPruning.Run(model, new BlockPruneOptions { Criterion = criterion, Target = target }, new StageContext());
            var (before, after) = target.Parameters is null ? ((long)figures["macsBefore"]!, (long)figures["macs"]!) : ((long)figures["parametersBefore"]!, (long)figures["parameters"]!);
            Assert.IsLessThanOrEqualTo(left * before, after);
            Assert.IsGreaterThan(0.5 * left * before, after);
            Assert.IsFalse(figures.ContainsKey("loss"), "Nothing was measured.");
        }
    }

    [TestMethod]
    public void Measured_losses_are_kept_for_another_target_and_the_choice_is_verified()
    {
        using var folder = new TempFolder();
        using (var made = BlockModels.UNet(1, levels: 2))
        {
            made.Save(folder.File("model.onnx"));
        }

        SafetensorsFile.Write(folder.File("data.safetensors"), BlockModels.Feeds(6));
        var times = 0;
        var context = new StageContext
        {
            Share = artifact =>
            {
                var place = folder.File("shared", string.Join('-', artifact.Ingredients.OrderBy(pair => pair.Key).Select(pair => pair.Value)).GetHashCode().ToString(), "x");
                place = Path.GetDirectoryName(place)!;
                if (!File.Exists(Path.Combine(place, BlockScores.FileName)))
                {
                    times++;
                    artifact.Make(place);
                }

                return place;
            },
        };
        var options = new BlockPruneOptions
        {
            Calibration = new BlockCalibration { Data = new TrainingData { Tensors = new RecipePath("data.safetensors", folder.File("data.safetensors")) }, Samples = 6, Batch = 3 },
            Candidates = new BlockSelector { Include = ["*resnets*", "*attentions*"], Exclude = ["down_blocks.0.*"] },
        };
        var results = new[] { 1, 3, 3 }.Select(count =>
        {
            using var model = Model.Load(folder.File("model.onnx"));
            return BlockPruning.Run(model, options with { Target = new BlockTarget { Count = count } }, context);
        }).ToArray();

        Assert.AreEqual(1, times);
        Assert.AreEqual((double)results[0]["lossSum"]!, (double)results[0]["loss"]!, (double)results[0]["loss"]! * 1e-4, "One block is its own sum.");
        Assert.AreEqual(results[1].ToJsonString(), results[2].ToJsonString());
        Assert.IsGreaterThan((double)results[0]["lossSum"]!, (double)results[1]["lossSum"]!);
        Assert.IsTrue(results.SelectMany(Names).All(name => !name.Contains("down_blocks.0.")));
    }

    [TestMethod]
    public void Errors_say_where_and_why()
    {
        Check(new BlockPruneOptions { Remove = ["mid_blok"] }, CompressionErrors.UnmatchedSelector, "remove[0]", "did you mean 'mid_block'");
        Check(new BlockPruneOptions { Criterion = BlockCriterion.Random, Target = new BlockTarget { Count = 1 }, Candidates = new BlockSelector { Exclude = ["*", "none"] } }, CompressionErrors.UnmatchedSelector, "candidates.exclude[1]", "'none'");
        Check(new BlockPruneOptions { Criterion = BlockCriterion.Random, Target = new BlockTarget { Count = 1 }, Candidates = new BlockSelector { Exclude = ["*"] } }, CompressionErrors.NoEffect, "candidates", "exclude them all");
        Check(new BlockPruneOptions { Criterion = BlockCriterion.Random, Target = new BlockTarget { Parameters = new Fraction(0.001) } }, CompressionErrors.NoEffect, "target.parameters", "are left");
        Check(new BlockPruneOptions { Criterion = BlockCriterion.Random, Target = new BlockTarget { Count = 1000 } }, CompressionErrors.NoEffect, "target.count", "1000");

        static void Check(BlockPruneOptions options, ErrorCode code, string path, string text)
        {
            using var model = BlockModels.UNet(1, levels: 2);
            var error = Assert.ThrowsExactly<CompressToolException>(() => BlockPruning.Run(model, options, new StageContext()));
            Assert.AreEqual(code, error.Code);
            Assert.AreEqual(path, error.OptionPath);
            Assert.Contains(text, error.Message);
        }
    }

    [TestMethod]
    public void Blocks_that_share_nodes_are_not_removed_together()
    {
        using var model = BlockModels.UNet(1, levels: 2);
        var nodes = model.Graph.Nodes.Count;
        var blocks = BlockAnalysis.Find(model);
        var inner = blocks.First(block => block.Parent is not null);
        var error = Assert.ThrowsExactly<CompressToolException>(() => BlockRemoval.Remove(model, [inner, inner.Parent!]));
        Assert.AreEqual(CompressionErrors.ConflictingBlocks, error.Code);
        Assert.Contains($"'{inner.Name}' is a part of '{inner.Parent!.Name}'", error.Message);
        Assert.AreEqual(nodes, model.Graph.Nodes.Count);
    }

    [TestMethod]
    public void Options_are_checked()
    {
        Assert.AreSequenceEqual([""], Errors(new BlockPruneOptions()));
        Assert.AreSequenceEqual([""], Errors(new BlockPruneOptions { Blocks = BlockSet.Base, Remove = ["a"] }));
        Assert.AreSequenceEqual([""], Errors(new BlockPruneOptions { Target = new BlockTarget { Count = 1 } }));
        Assert.AreSequenceEqual(["calibration.data"], Errors(new BlockPruneOptions { Target = new BlockTarget { Count = 1 }, Calibration = new BlockCalibration() }));
        Assert.AreSequenceEqual(["target.macs"], Errors(new BlockPruneOptions { Target = new BlockTarget { Macs = new Fraction(1) }, Criterion = BlockCriterion.Random }));
        Assert.AreSequenceEqual(["samples.sampler"], Errors(new BlockPruneOptions { Target = new BlockTarget { Count = 1 }, Criterion = BlockCriterion.Sensitivity, Samples = new ModelSampleOptions { Sampler = "dimm" } }));
        Assert.IsEmpty(Errors(new BlockPruneOptions { Blocks = BlockSet.Tiny }));
        Assert.IsEmpty(Errors(new BlockPruneOptions { Target = new BlockTarget { Parameters = new Fraction(0.6) }, Criterion = BlockCriterion.Sensitivity }));

        static IEnumerable<string> Errors(BlockPruneOptions options)
        {
            var errors = new OptionErrors();
            BlockPruning.Validate(options, errors);
            return errors.Items.Select(item => item.Path);
        }
    }

    private static IEnumerable<string> Names(JsonObject figures) => figures["blocks"]!.AsArray().Select(block => (string)block!["name"]!);
}
