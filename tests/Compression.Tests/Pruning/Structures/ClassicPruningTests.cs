using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Compression.Tests.Quantization;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>Well-known architectures lose structures, in all forms that exporters write them in.</summary>
[TestClass]
public sealed class ClassicPruningTests
{
    public static IEnumerable<object[]> All => ClassicModels.All.Select(model => new object[] { model });

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Model_with_fewer_channels_runs_and_costs_less(ClassicModel classic) => Prune(classic, PruneStructure.Channels, 0.85);

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Model_with_fewer_parts_runs_and_costs_less(ClassicModel classic)
    {
        var kinds = new StructureBench(classic.Build()).Kinds();
        foreach (var (kind, structure) in new[] { (GroupKind.Neurons, PruneStructure.Neurons), (GroupKind.HeadSize, PruneStructure.HeadSize), (GroupKind.Heads, PruneStructure.Heads) })
        {
            if (kinds.Contains(kind))
            {
                Prune(classic, structure, 1);
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Cost_is_what_it_was_said_to_be(ClassicModel classic)
    {
        using var model = classic.Build();
        var bench = new StructureBench(model);
        var (whole, dependencies) = bench.Analyze();
        using var _ = whole;
        var groups = StructureBench.GroupsOf(dependencies);
        var sizes = ProbeSizes.Of(whole);
        var before = ModelCost.Measure(whole, sizes);
        var random = new Random(4);
        for (var index = 0; index < 8; index++)
        {
            var choice = RandomChoice.Of(groups, random, _ => true);
            using var cut = bench.Cut(choice);
            var after = ModelCost.Measure(cut, sizes);
            var (all, left) = bench.CostOf(choice);

            Assert.AreEqual(all.Parameters - left.Parameters, before.Parameters - after.Parameters, StructureBench.Describe(groups, choice));
            Assert.AreEqual((double)after.Macs / before.Macs, left.Macs / all.Macs, 1e-9, StructureBench.Describe(groups, choice));
        }
    }

    [TestMethod]
    [DataRow("resnet/static", "resnet/dynamic")]
    [DataRow("unet-groupnorm/static", "unet-groupnorm/dynamic")]
    [DataRow("convnext/static", "convnext/decomposed-dynamic")]
    [DataRow("vit/static", "vit/dynamic")]
    [DataRow("vit/static", "vit/decomposed-dynamic")]
    [DataRow("swin/static", "swin/decomposed-dynamic")]
    [DataRow("llama/static", "llama/dynamic")]
    [DataRow("llama/static", "llama/fused-dynamic")]
    [DataRow("llama-tied/static", "llama-tied/dynamic")]
    [DataRow("gpt2/static", "gpt2/fused-dynamic")]
    [DataRow("bert/static", "bert/decomposed-dynamic")]
    [DataRow("bert/static", "bert/fused-static")]
    [DataRow("dit/static", "dit/dynamic")]
    public void Forms_pruned_alike_compute_alike(string first, string second)
    {
        var inputs = ClassicModels.Get(first).Inputs(ClassicModels.Get(first).Build(), batch: 1);
        for (var seed = 0; seed < 5; seed++)
        {
            var (expected, count) = PruneByNames(first, seed, inputs);
            var (actual, same) = PruneByNames(second, seed, inputs);

            Assert.AreEqual(count, same);
            Assert.IsGreaterThan(0, count);
            Assert.IsLessThan(1e-4, expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max());
        }
    }

    [TestMethod]
    public void Cost_of_a_pruned_bottleneck_resnet_is_that_of_its_layers()
    {
        using var model = ClassicModels.Get("resnet/static").Build();
        PruneRunner.Run(model, Options(PruneStructure.Channels));

        // Of 8, 16, 32 and 64 channels 5, 11, 22 and 44 stay; the rest is as in the whole model.
        const long Stem = 16 * 16 * (3 * 49 * 11);
        const long Stage1 = 8 * 8 * ((11 * 5) + (5 * 5 * 9) + (5 * 22) + (11 * 22) + (22 * 5) + (5 * 5 * 9) + (5 * 22));
        const long Stage2 = (8 * 8 * 22 * 11) + (4 * 4 * ((11 * 11 * 9) + (11 * 44) + (22 * 44) + (44 * 11) + (11 * 11 * 9) + (11 * 44)));
        Assert.AreEqual(Stem + Stage1 + Stage2 + (44 * 10), ModelCost.Measure(model).Macs);
    }

    [TestMethod]
    public void Cost_of_a_vision_transformer_with_fewer_neurons_is_that_of_its_layers()
    {
        using var model = ClassicModels.Get("vit/decomposed-dynamic").Build();
        PruneRunner.Run(model, Options(PruneStructure.Neurons));

        // Of 192 neurons 134 stay.
        const long Places = 17;
        const long Block = Places * 48 * ((3 * 48) + 48 + (2 * 134));
        Assert.AreEqual((16 * 3 * 64 * 48) + (3 * Block) + (48 * 10), ModelCost.Measure(model).Macs);
    }

    /// <summary>Removes channels that depend on the numbers of the weights that make them, which forms have in common, and runs what is left.</summary>
    private static (float[] Output, int Count) PruneByNames(string name, int seed, IReadOnlyDictionary<string, Tensor> inputs)
    {
        using var model = ClassicModels.Get(name).Build();
        var bench = new StructureBench(model);
        var (whole, dependencies) = bench.Analyze();
        using var _ = whole;
        var choice = new Dictionary<int, int[]>();
        foreach (var (index, group) in StructureBench.GroupsOf(dependencies).Index())
        {
            // Attention in one operator has no part of heads to choose.
            var makers = group.Members.Where(member => member.Role == MemberRole.Output)
                .Select(member => Math.Round(Compression.Layers.ConstantOf(member.Weight)!.ToFloats().Sum(x => Math.Abs((double)x)), 2)).Distinct().Order();
            var random = new Random(string.Join(' ', makers).Aggregate(seed, (sum, letter) => unchecked((sum * 31) + letter)));
            if (group.Kind != GroupKind.HeadSize && RandomChoice.Of([group], random, _ => true) is { Count: > 0 } own)
            {
                choice.Add(index, own[0]);
            }
        }

        using var cut = bench.Cut(choice);
        return (ModelRunner.Run(cut.ToBytes(), inputs)[cut.Graph.Outputs[0].Name].ToFloats(), choice.Count);
    }

    private static PruneOptions Options(PruneStructure structure) =>
        new() { Structure = structure, Criterion = StructureCriterion.Magnitude, Target = new PruneTarget { Ratio = new Fraction(0.3) } };

    private static void Prune(ClassicModel classic, PruneStructure structure, double most)
    {
        using var model = classic.Build();
        var inputs = classic.Inputs(model);
        var before = ModelCost.Measure(model);
        var expected = ModelRunner.Run(model.ToBytes(), inputs);
        var names = model.Graph.Initializers.Select(value => value.Name).ToHashSet();

        PruneRunner.Run(model, Options(structure));

        var bytes = StructureBench.AssertValid(model);
        var actual = ModelRunner.Run(bytes, inputs);
        foreach (var (name, tensor) in expected)
        {
            CollectionAssert.AreEqual(tensor.Dims.ToArray(), actual[name].Dims.ToArray());
            Assert.IsTrue(Array.TrueForAll(actual[name].ToFloats(), float.IsFinite));
        }

        var after = ModelCost.Measure(model);
        Assert.IsLessThan(most * before.Parameters, after.Parameters);
        Assert.IsLessThan(most * before.Macs, after.Macs);
        Assert.IsTrue(model.Graph.Initializers.All(value => names.Contains(value.Name)), "weights keep their names");
    }
}
