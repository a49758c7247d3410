using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Compression.Pruning.Removal;
using CompressTool.Compression.Pruning.Selection;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>Counts of public configurations after pruning, which depend on graphs and rules alone: the weights need not be there.</summary>
[TestClass]
public sealed class StructureCountsTests
{
    public TestContext TestContext { get; set; } = null!;

    /// <summary>Diff-Pruning publishes 19.8 M parameters and 3.4 GMACs for CIFAR-10 at a ratio of 30 % (Fang et al. 2023, table 1).</summary>
    [TestMethod]
    public void Ddpm_cifar10_is_as_large_as_the_official_rule_makes_it()
    {
        using var model = Open("ddpm-cifar10-32");
        var dependencies = DependencyGraph.Analyze(model, TestContext.CancellationToken);
        var before = ModelCost.Measure(model);
        var choice = Choose(dependencies, 0.3);

        StructureRemoval.Run(dependencies, choice.Parts);

        var after = ModelCost.Measure(model);
        Assert.AreEqual((35_746_307, 6_053_953_536), (before.Parameters, (long)before.Macs));
        Assert.AreEqual((19_851_157, 3_384_244_068), (after.Parameters, (long)after.Macs));
    }

    /// <summary>
    /// The results of the last residual blocks before two upsamplers have no normalisation, so that the rule takes 77 of their 256 channels. A
    /// count that rounds them as if they had one comes to 19.95 M and 3.39 G.
    /// </summary>
    [TestMethod]
    public void Ddpm_cifar10_with_all_residual_streams_rounded_has_a_little_more()
    {
        using var model = Open("ddpm-cifar10-32");
        var dependencies = DependencyGraph.Analyze(model, TestContext.CancellationToken);
        var rounded = dependencies.Groups.Where(group => group.Multiple == 1 && group.Name.EndsWith("conv_shortcut", StringComparison.Ordinal)).ToArray();
        var choice = Choose(dependencies, 0.3);
        var parts = choice.Parts.Select(part => rounded.Contains(part.Group) ? (part.Group, part.Channels.Take(64).ToArray()) : (part.Group, part.Channels)).ToArray();

        StructureRemoval.Run(dependencies, parts);

        var after = ModelCost.Measure(model);
        Assert.AreSequenceEqual(["up_blocks.1.resnets.2.conv_shortcut", "up_blocks.0.resnets.2.conv_shortcut"], rounded.Select(group => group.Name));
        Assert.AreEqual(19_951_049, after.Parameters);
        Assert.AreEqual(3.39e9, after.Macs, 0.005e9);
    }

    /// <summary>GroupNorm's groups stay as many, so small groups lose less than the ratio, or nothing (methods: 128 to 96, 64 to 64).</summary>
    [TestMethod]
    [DataRow(128, 32, 0.3, 96)]
    [DataRow(64, 32, 0.3, 64)]
    [DataRow(64, 32, 0.5, 32)]
    [DataRow(32, 32, 0.5, 32)]
    [DataRow(256, 32, 0.3, 192)]
    [DataRow(320, 32, 0.3, 224)]
    [DataRow(640, 32, 0.3, 448)]
    [DataRow(1280, 32, 0.3, 896)]
    [DataRow(320, 32, 0.4, 192)]
    public void Groups_of_a_normalisation_stay_as_many(int channels, int groups, double ratio, int left)
    {
        var weight = new Value("a.weight") { Initializer = Tensor.Floats([channels], new float[channels]) };
        var group = new PrunableGroup
        {
            Name = "a",
            Kind = GroupKind.Channels,
            Length = channels,
            Members = [new GroupMember(weight, 0, [.. Enumerable.Range(0, channels)], MemberRole.Output)],
            Blocks = new int[channels],
            Multiple = groups,
            IsMixed = true,
        };
        var chooser = new ChannelChooser([group], new GroupScorer(new RandomCriterion(0)), new PruneOptions(), null, TestContext.CancellationToken);

        Assert.AreEqual(channels - left, chooser.Local(ratio).Of(group).Count);
    }

    private ChannelChoice Choose(DependencyGraph dependencies, double ratio) =>
        new ChannelChooser(dependencies.Groups, new GroupScorer(new RandomCriterion(0)), new PruneOptions { Target = new PruneTarget { Ratio = new Fraction(ratio) } }, null, TestContext.CancellationToken).Local(ratio);

    private static Model Open(string name)
    {
        var model = Model.Load(Repository.Fixture("big", $"{name}.onnx"), new LoadOptions { AllowMissingWeights = true });
        DependencyGraph.Prepare(model);
        return model;
    }
}
