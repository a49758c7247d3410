using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning.Blocks;
using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Onnx;
using CompressTool.Tool.Output;

namespace CompressTool.Tool.Inspection;

/// <summary>What <c>inspect --structures</c> shows: what structured pruning could remove from a model, and what it could not, with the reason.</summary>
internal sealed class StructureInspection
{
    private readonly IReadOnlyList<PrunableGroup> _groups;
    private readonly IReadOnlyList<FixedChannels> _fixed;
    private readonly IReadOnlyList<Block> _blocks;

    private StructureInspection(DependencyGraph dependencies, IReadOnlyList<Block> blocks)
    {
        _groups = [.. dependencies.Groups, .. dependencies.Heads];
        _fixed = dependencies.Fixed;
        _blocks = blocks;
    }

    /// <summary>Analyses a model, which is changed by it as pruning would make it ready.</summary>
    public static StructureInspection Of(Model model, CancellationToken cancellationToken)
    {
        DependencyGraph.Prepare(model);
        return new StructureInspection(DependencyGraph.Analyze(model, cancellationToken), BlockAnalysis.Find(model));
    }

    /// <summary>The facts for scripts.</summary>
    public JsonObject ToJson() => new()
    {
        ["groups"] = new JsonArray([.. _groups.Select(group => new JsonObject
        {
            ["name"] = group.Name,
            ["kind"] = OptionNames.Of(group.Kind),
            ["channels"] = group.Length,
            ["blocks"] = group.BlockCount,
            ["multiple"] = group.Multiple,
            ["normalized"] = group.IsMixed,
            ["members"] = new JsonArray([.. group.Members.Select(member => new JsonObject
            {
                ["weight"] = member.Weight.Name,
                ["axis"] = member.Axis,
                ["role"] = member.Role.ToString().ToLowerInvariant(),
            })]),
        })]),
        ["fixed"] = new JsonArray([.. _fixed.Select(channels => new JsonObject { ["name"] = channels.Name, ["channels"] = channels.Length, ["reason"] = channels.Reason })]),
        ["blocks"] = new JsonArray([.. _blocks.Select(block => new JsonObject
        {
            ["name"] = block.Name,
            ["kind"] = OptionNames.Of(block.Kind),
            ["parameters"] = block.Parameters,
            ["macs"] = block.Macs,
        })]),
    };

    /// <summary>The facts for people.</summary>
    public void Write(TextWriter output)
    {
        var groups = new TableWriter("group", "kind", ">channels", ">made by", ">norms", ">read by", "asks for");
        foreach (var group in _groups)
        {
            groups.Add(group.Name, OptionNames.Of(group.Kind), Units.Count(group.Length), Count(group, MemberRole.Output), Count(group, MemberRole.Normalization), Count(group, MemberRole.Input), Constraint(group));
        }

        groups.Write(output);
        if (_fixed.Count > 0)
        {
            output.WriteLine();
            var fixedChannels = new TableWriter("stays", ">channels", "because");
            foreach (var channels in _fixed)
            {
                fixedChannels.Add(channels.Name, Units.Count(channels.Length), channels.Reason);
            }

            fixedChannels.Write(output);
        }

        if (_blocks.Count > 0)
        {
            output.WriteLine();
            var blocks = new TableWriter("block", "kind", ">parameters", ">MACs");
            foreach (var block in _blocks)
            {
                blocks.Add(block.Name, OptionNames.Of(block.Kind), Units.Count(block.Parameters), Units.Scaled(block.Macs));
            }

            blocks.Write(output);
        }
    }

    private static string Count(PrunableGroup group, MemberRole role) => Units.Count(group.Members.Where(member => member.Role == role).Select(member => member.Weight).Distinct().Count());

    private static string Constraint(PrunableGroup group) => (group.BlockCount, group.Multiple) switch
    {
        ( > 1, > 1) => $"as many of each of {group.BlockCount} blocks, in multiples of {group.Multiple}",
        ( > 1, _) => $"as many of each of {group.BlockCount} blocks",
        (_, > 1) => $"multiples of {group.Multiple}",
        _ => "",
    };
}
