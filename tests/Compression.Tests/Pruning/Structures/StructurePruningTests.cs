using System.Text.Json.Nodes;
using CompressTool.Compression.Data;
using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>The stage <c>prune</c> on structures: targets, limits, selectors, rounds and messages.</summary>
[TestClass]
public sealed class StructurePruningTests
{
    [TestMethod]
    [DataRow(PruneScope.Local)]
    [DataRow(PruneScope.Global)]
    public void Targets_of_what_is_left_are_met_closely(PruneScope scope)
    {
        foreach (var (target, key) in new[] { (new PruneTarget { Macs = new Fraction(0.56) }, "macs"), (new PruneTarget { Parameters = new Fraction(0.6) }, "parameters") })
        {
            using var model = Unet();
            var metrics = Run(model, new PruneOptions { Structure = PruneStructure.Channels, Target = target, Scope = scope });
            var left = Number(metrics[key]) / Number(metrics[$"{key}Before"]);
            var wanted = (target.Macs ?? target.Parameters)!.Value.Value;

            Assert.IsLessThanOrEqualTo(wanted, left);

            // Eight groups of four channels go in steps of a quarter, all of them at once where groups lose the same share.
            Assert.IsGreaterThan(wanted - (scope == PruneScope.Local ? 0.15 : 0.05), left);
            var cost = ModelCost.Measure(model);
            Assert.AreEqual((cost.Parameters, cost.Macs), ((long)metrics["parameters"]!, Number(metrics["macs"])));
        }
    }

    [TestMethod]
    public void A_global_ratio_takes_its_share_of_all_and_no_group_loses_more_than_the_limit()
    {
        using var model = Unet();
        var metrics = Run(model, new PruneOptions { Structure = PruneStructure.Channels, Target = new PruneTarget { Ratio = new Fraction(0.4) }, Scope = PruneScope.Global, MaxRatio = new Fraction(0.5) });
        var groups = metrics["groups"]!.AsArray().Select(group => ((int)group!["channelsBefore"]!, (int)group["channels"]!)).ToArray();

        Assert.IsTrue(Array.TrueForAll(groups, group => group.Item2 * 2 >= group.Item1));
        Assert.IsGreaterThan(1, groups.Select(group => (double)group.Item2 / group.Item1).Distinct().Count());
    }

    [TestMethod]
    public void What_is_left_is_a_multiple_of_round_to()
    {
        using var model = Unet();
        var metrics = Run(model, new PruneOptions { Structure = PruneStructure.Channels, Target = new PruneTarget { Ratio = new Fraction(0.3) }, RoundTo = 16 });

        Assert.IsTrue(metrics["groups"]!.AsArray().All(group => (int)group!["channels"]! % 16 == 0));
        Assert.IsTrue(metrics["groups"]!.AsArray().Any(group => (int)group!["channels"]! < (int)group["channelsBefore"]!));
    }

    [TestMethod]
    public void Heads_neurons_and_head_sizes_leave_other_channels_alone()
    {
        foreach (var (structure, kind) in new[] { (PruneStructure.Heads, "heads"), (PruneStructure.HeadSize, "head-size"), (PruneStructure.Neurons, "neurons") })
        {
            using var model = Unet();
            var metrics = Run(model, new PruneOptions { Structure = structure, Target = new PruneTarget { Ratio = new Fraction(0.5) } });

            var groups = metrics["groups"]!.AsArray();
            Assert.IsNotEmpty(groups);
            Assert.IsTrue(groups.All(group => (string)group!["kind"]! == kind && (int)group["channels"]! == (int)group["channelsBefore"]! / 2), structure.ToString());
        }
    }

    [TestMethod]
    public void Rounds_come_to_the_ratio_that_one_round_takes()
    {
        using var once = Unet();
        var expected = Run(once, Options(1))["groups"]!.AsArray().Select(group => (int)group!["channels"]!).ToArray();
        using var twice = Unet();
        var metrics = Run(twice, Options(2));

        CollectionAssert.AreEqual(expected, metrics["groups"]!.AsArray().Select(group => (int)group!["channels"]!).ToArray());
        Assert.AreEqual(702_499, (long)metrics["parametersBefore"]!);
        Assert.HasCount(2, metrics["rounds"]!.AsArray());

        static PruneOptions Options(int rounds) => new()
        {
            Structure = PruneStructure.Channels,
            Target = new PruneTarget { Ratio = new Fraction(0.3) },
            Rounds = rounds,
            Finetune = rounds == 1 ? null : new() { Data = new() { Shapes = new() { Count = 8 } }, Steps = 2, Batch = 2 },
        };
    }

    [TestMethod]
    public void Layers_that_are_excluded_keep_their_channels_with_all_that_share_them()
    {
        using var model = Unet();
        var metrics = Run(model, new PruneOptions { Structure = PruneStructure.Channels, Target = new PruneTarget { Ratio = new Fraction(0.3) }, Layers = new LayerSelector { Exclude = ["down_blocks.0.resnets.0.conv2"] } });

        Assert.IsFalse(metrics["groups"]!.AsArray().Any(group => (string)group!["name"]! == "conv_in"));
        Assert.AreEqual(32, Layers.Find(model.Graph).First(layer => layer.Name == "conv_in").Tensor.Dims[0]);
    }

    [TestMethod]
    public void What_cannot_be_pruned_is_said_with_the_reason()
    {
        var options = new PruneOptions { Structure = PruneStructure.Channels, Target = new PruneTarget { Ratio = new Fraction(0.3) } };

        var named = Fail(options with { Layers = new LayerSelector { Include = ["conv_out"] } });
        Assert.AreEqual((CompressionErrors.SelectedButUnchanged, "layers.include[0]"), (named.Code, named.OptionPath));
        StringAssert.Contains(named.Message, "it reaches the output 'out_sample' of the model");

        var small = Fail(options with { Target = new PruneTarget { Ratio = new Fraction(0.01) }, Layers = new LayerSelector { Include = ["conv_in"] } });
        Assert.AreEqual(CompressionErrors.SelectedButUnchanged, small.Code);
        StringAssert.Contains(small.Message, "32 channels in 8 groups of a normalisation are too few");

        var far = Fail(options with { Target = new PruneTarget { Macs = new Fraction(0.01) }, MaxRatio = new Fraction(0.3) });
        Assert.AreEqual((CompressionErrors.UnreachableTarget, "target.macs"), (far.Code, far.OptionPath));

        var none = Fail(options with { Structure = PruneStructure.Heads, Layers = new LayerSelector { Exclude = ["*attentions*"] } });
        Assert.AreEqual((CompressionErrors.NoEffect, "layers"), (none.Code, none.OptionPath));
    }

    [TestMethod]
    public void Groups_without_a_score_are_left_with_a_warning()
    {
        var warnings = new List<string>();
        using var model = Unet();
        Run(model, new PruneOptions { Structure = PruneStructure.Channels, Criterion = StructureCriterion.NormScale, Target = new PruneTarget { Ratio = new Fraction(0.3) } }, warnings);

        Assert.HasCount(1, warnings);
        StringAssert.Contains(warnings[0], "time_embedding.linear_2 (the criterion has no score for it)");
    }

    [TestMethod]
    public void Without_a_criterion_the_winner_of_the_comparison_is_taken_with_data_or_without()
    {
        var options = new PruneOptions { Structure = PruneStructure.Channels, Target = new PruneTarget { Ratio = new Fraction(0.3) } };
        var data = new TrainingData { Shapes = new ShapesOptions { Count = 8 } };
        var importance = new ImportanceOptions { Data = data, Batch = 4, Batches = 1 };
        foreach (var (given, expected) in new[] { (options, StructureCriterion.Magnitude), (options with { Importance = importance }, StructureCriterion.ActivationVariance) })
        {
            using var model = Unet();
            using var same = Unet();
            var metrics = Run(model, given);

            Assert.AreEqual(OptionNames.Of(expected), (string?)metrics["criterion"]);
            Run(same, given with { Criterion = expected });
            CollectionAssert.AreEqual(same.ToBytes(), model.ToBytes());
        }

        Assert.AreEqual(StructureCriterion.ActivationVariance, CriterionFactory.Of(options with { Finetune = new FinetuneOptions { Data = data, Steps = 1 } }));
        foreach (var structure in new[] { PruneStructure.Weights, PruneStructure.NM, PruneStructure.Blocks })
        {
            Assert.AreEqual(StructureCriterion.Magnitude, CriterionFactory.Of(options with { Structure = structure, Importance = importance }));
        }
    }

    private static double Number(JsonNode? node) => double.Parse(node!.ToJsonString(), System.Globalization.CultureInfo.InvariantCulture);

    private static Model Unet() => Model.Load(Repository.Fixture("unet2d", "model_op17_dynbatch.onnx"));

    private static JsonObject Run(Model model, PruneOptions options, List<string>? warnings = null) =>
        new PruneStage().Run(model, (object)options, new StageContext { Warn = (_, message, _) => warnings?.Add(message) }).Metrics;

    private static CompressToolException Fail(PruneOptions options)
    {
        using var model = Unet();
        return Assert.ThrowsExactly<CompressToolException>(() => Run(model, options));
    }
}
