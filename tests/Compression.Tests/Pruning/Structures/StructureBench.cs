using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Compression.Pruning.Removal;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>Prunes one model again and again: each cut begins with the model as it was.</summary>
internal sealed class StructureBench
{
    private readonly byte[] _bytes;

    public StructureBench(Model model)
    {
        DependencyGraph.Prepare(model);
        _bytes = model.ToBytes();
    }

    /// <summary>The model, and what hangs together in it.</summary>
    public (Model Model, DependencyGraph Dependencies) Analyze()
    {
        var model = Model.Parse(_bytes);
        return (model, DependencyGraph.Analyze(model));
    }

    /// <summary>All groups, those of heads last; the same at each call.</summary>
    public static PrunableGroup[] GroupsOf(DependencyGraph dependencies) => [.. dependencies.Groups, .. dependencies.Heads];

    /// <summary>What kinds of groups the model has.</summary>
    public HashSet<GroupKind> Kinds()
    {
        var (model, dependencies) = Analyze();
        using (model)
        {
            return [.. GroupsOf(dependencies).Select(group => group.Kind)];
        }
    }

    /// <summary>The model without some channels of some groups.</summary>
    public Model Cut(IReadOnlyDictionary<int, int[]> choice)
    {
        var (model, dependencies) = Analyze();
        StructureRemoval.Run(dependencies, Parts(dependencies, choice));
        return model;
    }

    /// <summary>What <see cref="StructureCost"/> says of a choice.</summary>
    public ((long Parameters, double Macs) Whole, (long Parameters, double Macs) Left) CostOf(IReadOnlyDictionary<int, int[]> choice)
    {
        var (model, dependencies) = Analyze();
        using (model)
        {
            var cost = new StructureCost(dependencies);
            return (cost.Whole, cost.Of(Parts(dependencies, choice)));
        }
    }

    /// <summary>The weights of the whole model in which everything that belongs to the choice is zero.</summary>
    public static Dictionary<string, Tensor> Masked(DependencyGraph dependencies, IReadOnlyDictionary<int, int[]> choice)
    {
        var result = new Dictionary<string, (Tensor Tensor, byte[] Bytes)>();
        foreach (var (group, channels) in Parts(dependencies, choice))
        {
            var gone = channels.ToHashSet();
            foreach (var member in group.Members.Where(member => !IsDivisor(member.Weight)))
            {
                if (!result.TryGetValue(member.Weight.Name, out var entry))
                {
                    var tensor = Compression.Layers.ConstantOf(member.Weight)!;
                    result.Add(member.Weight.Name, entry = (tensor, new byte[tensor.ByteLength]));
                    tensor.Data.Read(0, entry.Bytes);
                }

                Clear(entry.Bytes, entry.Tensor, member.Axis, [.. member.Channels.Index().Where(pair => gone.Contains(pair.Item)).Select(pair => pair.Index)]);
            }
        }

        return result.ToDictionary(pair => pair.Key, pair => new Tensor(pair.Value.Tensor.Type, [.. pair.Value.Tensor.Dims], new MemoryData(pair.Value.Bytes)));
    }

    /// <summary>A session of the whole model whose weights are given with each run.</summary>
    public WeightedSession OpenWhole() => new(_bytes);

    /// <summary>The model is what the format asks for, and all its shapes follow.</summary>
    public static byte[] AssertValid(Model model)
    {
        var bytes = model.ToBytes();
        using var again = Model.Parse(bytes);
        var shapes = ShapeInference.Analyze(again, new InferenceOptions { Refresh = true });
        Assert.IsEmpty(shapes.Incomplete);
        return bytes;
    }

    /// <summary>A choice in words.</summary>
    public static string Describe(PrunableGroup[] groups, IReadOnlyDictionary<int, int[]> choice) =>
        string.Join("; ", choice.Select(pair => $"{groups[pair.Key].Kind} {groups[pair.Key].Name}: {string.Join(',', pair.Value)}"));

    private static IEnumerable<(PrunableGroup Group, IReadOnlyList<int> Channels)> Parts(DependencyGraph dependencies, IReadOnlyDictionary<int, int[]> choice)
    {
        var groups = GroupsOf(dependencies);
        return [.. choice.Select(pair => (groups[pair.Key], (IReadOnlyList<int>)pair.Value))];
    }

    /// <summary>What something is divided by stays, since 0 / 0 is no number: a channel is gone with what it is made of and what reads it.</summary>
    private static bool IsDivisor(Value weight) => weight.Uses.Any(use => use.Node.OpType is "Div" or "Pow" && use.Index == 1);

    private static void Clear(byte[] bytes, Tensor tensor, int axis, int[] indices)
    {
        var inner = (int)(tensor.Dims.Skip(axis + 1).Aggregate(1L, (product, dim) => product * dim) * tensor.Type.BitSize() / 8);
        var length = (int)tensor.Dims[axis];
        for (var start = 0; start < bytes.Length; start += inner * length)
        {
            foreach (var index in indices)
            {
                bytes.AsSpan(start + (index * inner), inner).Clear();
            }
        }
    }
}
