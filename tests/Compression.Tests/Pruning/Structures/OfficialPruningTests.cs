using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Compression.Pruning.Removal;
using CompressTool.Compression.Pruning.Selection;
using CompressTool.Compression.Tests.Pruning.Importance;
using CompressTool.Compression.Tests.Quantization;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Onnx.Inference;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>Groups, choices and pruned models against what Torch-Pruning made of the same models, in both of its versions.</summary>
[TestClass]
public sealed class OfficialPruningTests
{
    private static readonly Dictionary<string, StructureCriterion> s_criteria = new()
    {
        ["magnitude"] = StructureCriterion.Magnitude,
        ["taylor"] = StructureCriterion.Taylor,
        ["diff-pruning"] = StructureCriterion.DiffPruning,
    };

    /// <summary>Computed once for all cases.</summary>
    private static readonly Lazy<ImportanceData> s_gradients = new(() =>
    {
        using var model = Model.Load(OfficialPruning.Unet2d("1.2.5").Model);
        return OfficialImportanceTests.OfUnet2d(model, out _);
    });

    public TestContext TestContext { get; set; } = null!;

    /// <summary>The small model travels with the tests; the trained one is taken from the oracles where they are.</summary>
    public static IEnumerable<object[]> Cases =>
        from file in new[] { OfficialPruning.Unet2d("1.2.5"), OfficialPruning.Unet2d("1.6.1"), OfficialPruning.Fashion() }
        where file is not null
        from criterion in file.Folder is null ? ["magnitude"] : new[] { "magnitude", "taylor", "diff-pruning" }
        select new object[] { file, criterion };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Pruned_models_are_those_of_torch_pruning(object files, string criterion)
    {
        var official = (OfficialPruning)files;
        using var model = Model.Load(official.Model);
        var gradients = criterion == "magnitude" ? null : s_gradients.Value;
        var before = OfficialMacs(model);
        DependencyGraph.Prepare(model);
        var dependencies = DependencyGraph.Analyze(model, TestContext.CancellationToken);
        CheckGroups(OfficialGroups.Read(official.Groups, criterion, model.Graph), dependencies);

        var options = new PruneOptions
        {
            Structure = PruneStructure.Channels,
            Target = new PruneTarget { Ratio = new Fraction(0.3) },
            BlockRanking = official.IsAlike ? BlockRanking.Alike : BlockRanking.Each,
        };
        var chooser = new ChannelChooser(dependencies.Groups, new GroupScorer(CriterionFactory.Create(s_criteria[criterion], 0), gradients), options, null, TestContext.CancellationToken);
        var choice = chooser.Local(0.3);
        CheckKept(official.Result(criterion)["kept"]!.AsObject(), choice, Layers.Find(model.Graph));

        StructureRemoval.Run(dependencies, choice.Parts);
        Assert.AreEqual((long)official.Result(criterion)["params_after"]!, ModelCost.Measure(model).Parameters);
        Assert.AreEqual((double)official.Result(criterion)["macs_before"]!, before);
        Assert.AreEqual((double)official.Result(criterion)["macs_after"]!, OfficialMacs(model));

        if (official.Output(criterion) is { } file)
        {
            var output = ModelRunner.Run(model.ToBytes(), official.Inputs)["out_sample"].ToFloats();
            Assert.AreEqual(0, NpyFile.Read(file).ToFloats().Zip(output, (a, b) => Math.Abs(a - b)).Max(), 1e-4);
        }
    }

    private static void CheckGroups(OfficialGroups official, DependencyGraph dependencies)
    {
        Assert.AreSequenceEqual(official.Groups.Select(group => group.Root), dependencies.Groups.Select(group => group.Name));
        foreach (var (expected, actual) in official.Groups.Zip(dependencies.Groups))
        {
            Assert.AreSequenceEqual(Describe(expected.Members), Describe(actual.Members), expected.Root);
        }
    }

    private static string[] Describe(IReadOnlyList<GroupMember> members) =>
        [.. members.Where(member => member.Role is MemberRole.Output or MemberRole.Input)
            .Select(member => $"{member.Role} {member.Weight.Name} {member.Axis}: {string.Join(' ', member.Channels)}").Order(StringComparer.Ordinal)];

    private static void CheckKept(JsonObject kept, ChannelChoice choice, IReadOnlyList<Layer> layers)
    {
        var found = layers.ToDictionary(layer => layer.Name);
        foreach (var (name, axes) in kept.Where(pair => pair.Value!["in"] is not null))
        {
            var layer = found[name];
            Assert.AreEqual(Text(axes!["out"]!), Left(layer, layer.OutputAxis!.Value), $"{name} out");
            Assert.AreEqual(Text(axes["in"]!), Left(layer, layer.InputAxis!.Value), $"{name} in");
        }

        string Left(Layer layer, int axis) => string.Join(' ', Enumerable.Range(0, (int)layer.Tensor.Dims[axis]).Where(index => choice.KeptOf(layer.Weight)?[axis]?[index] != false));

        string Text(JsonNode indices) => string.Join(' ', indices.AsArray().Select(index => (int)index!));
    }

    /// <summary>
    /// Torch-Pruning's count for one sample: products, the bias of a convolution for each output element and of a matrix product for each
    /// output channel, and two operations for each element of a group normalisation.
    /// </summary>
    private static double OfficialMacs(Model model)
    {
        var one = model.Graph.Inputs.SelectMany(input => input.Shape!).Select(dim => dim.Symbol).OfType<string>().Distinct().ToDictionary(symbol => symbol, _ => 1L);
        var result = ShapeInference.Analyze(model, new InferenceOptions { Bindings = one, Refresh = true });
        double macs = ModelCost.Measure(model).Macs;
        foreach (var node in model.Graph.Nodes)
        {
            var dims = result.TypeOf(node.Output(0)!)?.Shape;
            var count = dims?.Aggregate(1.0, (product, dim) => product * dim.Value!.Value) ?? 0;
            macs += node.OpType switch
            {
                "Conv" when node.Input(2) is not null => count,
                "Gemm" when node.Input(2) is not null => dims![^1].Value!.Value,
                "Add" when node.Inputs.Any(input => input?.Initializer is { Dims.Count: 1 } && input.Name.EndsWith(".bias", StringComparison.Ordinal)) => dims![^1].Value!.Value,
                "InstanceNormalization" => 2 * count,
                _ => 0,
            };
        }

        return macs;
    }
}
