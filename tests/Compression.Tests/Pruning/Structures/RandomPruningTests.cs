using CompressTool.Compression.Tests.Quantization;
using CompressTool.Onnx;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>Whatever the groups allow leaves a model that runs, channels of normalisations too, and what is left can be pruned again.</summary>
[TestClass]
public sealed class RandomPruningTests
{
    public static IEnumerable<object[]> Architectures => ClassicModels.Architectures.Select(model => new object[] { model });

    [TestMethod]
    [DynamicData(nameof(Architectures))]
    public void Any_choice_leaves_a_model_that_runs_and_can_be_pruned_again(ClassicModel classic)
    {
        var random = new Random(5);
        for (var index = 0; index < 6; index++)
        {
            using var model = classic.Build();
            var inputs = classic.Inputs(model);
            var names = model.Graph.Initializers.Select(value => value.Name).ToHashSet();
            using var once = Cut(model, random, inputs, names);
            using var twice = Cut(once, random, inputs, names);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Architectures))]
    public void Channels_that_go_are_as_many_as_groups_of_normalisations_ask(ClassicModel classic)
    {
        var (model, dependencies) = new StructureBench(classic.Build()).Analyze();
        using var _ = model;
        foreach (var group in StructureBench.GroupsOf(dependencies))
        {
            Assert.HasCount(group.Length, group.Blocks);
            Assert.IsTrue(group.Blocks.CountBy(block => block).All(pair => pair.Value == group.Length / group.BlockCount), "blocks are equally long");
            Assert.AreEqual(0, group.Length % group.Multiple);
            Assert.IsTrue(group.Parts.All(part => part.Length > 0 && part.Length < group.Length));
            foreach (var member in group.Members)
            {
                Assert.HasCount((int)Compression.Layers.ConstantOf(member.Weight)!.Dims[member.Axis], member.Channels);
                Assert.IsTrue(member.Channels.Any(channel => channel >= 0) && member.Channels.All(channel => channel >= -1 && channel < group.Length));
            }
        }
    }

    private static Model Cut(Model model, Random random, IReadOnlyDictionary<string, Tensor> inputs, HashSet<string> names)
    {
        var bench = new StructureBench(model);
        var (whole, dependencies) = bench.Analyze();
        using var _ = whole;
        var groups = StructureBench.GroupsOf(dependencies);
        var choice = RandomChoice.Of(groups, random, _ => true);
        var cut = bench.Cut(choice);
        var text = StructureBench.Describe(groups, choice);
        var output = ModelRunner.Run(StructureBench.AssertValid(cut), inputs)[cut.Graph.Outputs[0].Name].ToFloats();

        Assert.IsTrue(output.Length > 0 && Array.TrueForAll(output, float.IsFinite), text);
        Assert.IsTrue(cut.Graph.Initializers.All(value => names.Contains(value.Name)), text);

        // What is left of a weight is what the whole one has at the indices that stay.
        foreach (var (index, channels) in choice)
        {
            var member = groups[index].Members[0];
            var (before, after) = (Compression.Layers.ConstantOf(member.Weight)!, cut.Graph.FindValue(member.Weight.Name)!);
            Assert.IsLessThanOrEqualTo(before.Dims[member.Axis] - member.Channels.Count(channels.Contains), Compression.Layers.ConstantOf(after)!.Dims[member.Axis], text);
            Assert.IsFalse(Compression.Layers.ConstantOf(after)!.ToFloats().Except(before.ToFloats()).Any(), text);
        }

        return cut;
    }
}
