using System.Text.Json.Nodes;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Onnx;

namespace CompressTool.Compression.Tests.Pruning.Importance;

/// <summary>A group as Torch-Pruning found it, in the terms of a graph.</summary>
/// <param name="Root">The module it starts from.</param>
/// <param name="Members">The weights of layers in it.</param>
/// <param name="Importance">What its pruner compares.</param>
/// <param name="RawSum">The sums over the members.</param>
internal sealed record OfficialGroup(string Root, IReadOnlyList<GroupMember> Members, double[] Importance, double[] RawSum);

/// <summary>Groups and importance that Torch-Pruning computed for a criterion.</summary>
internal sealed class OfficialGroups
{
    private OfficialGroups(IReadOnlyList<OfficialGroup> groups, double[] losses) => (Groups, Losses) = (groups, losses);

    public IReadOnlyList<OfficialGroup> Groups { get; }

    /// <summary>The losses at the timesteps; none for criteria without.</summary>
    public double[] Losses { get; }

    /// <summary>Reads the groups of a criterion.</summary>
    /// <param name="json">The file.</param>
    /// <param name="criterion">Magnitude, taylor or diff-pruning.</param>
    /// <param name="graph">The model's graph.</param>
    public static OfficialGroups Read(string json, string criterion, Graph graph)
    {
        var root = JsonNode.Parse(File.ReadAllText(json))!;
        var layers = Layers.Find(graph).ToDictionary(layer => layer.Name);
        var members = root["magnitude"]!["groups"]!.AsArray().ToDictionary(group => (string)group!["root"]!, group => group!["members"]!.AsArray());
        return new OfficialGroups(
            [.. root[criterion]!["groups"]!.AsArray().Select(group => new OfficialGroup(
                (string)group!["root"]!,
                [.. (group["members"]?.AsArray() ?? members[(string)group["root"]!]).Where(member => (string)member!["type"]! != "GroupNorm").Select(member => Member(member!, layers))],
                Numbers(group["importance"]!),
                Numbers(group["raw_sum"]!)))],
            root[criterion]!["losses"] is { } losses ? Numbers(losses) : []);
    }

    private static GroupMember Member(JsonNode member, Dictionary<string, Layer> layers)
    {
        var layer = layers[(string)member["module"]!];
        var isOutput = (string)member["op"]! == "prune_out_channels";
        var axis = isOutput ? layer.OutputAxis!.Value : layer.InputAxis!.Value;
        var indices = Numbers(member["idxs"]!).Select(index => (int)index).ToArray();
        var channels = member["root_idxs"] is { } roots ? Numbers(roots).Select(index => (int)index).ToArray() : indices;
        var map = new int[layer.Tensor.Dims[axis]];
        Array.Fill(map, -1);
        foreach (var (index, channel) in indices.Zip(channels))
        {
            map[index] = channel;
        }

        return new GroupMember(layer.Weight, axis, map, isOutput ? MemberRole.Output : MemberRole.Input);
    }

    private static double[] Numbers(JsonNode array) => [.. array.AsArray().Select(number => number!.GetValue<double>())];
}
