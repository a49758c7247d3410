using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Compression.Pruning.Removal;
using CompressTool.Compression.Pruning.Selection;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Passes;

namespace CompressTool.Compression.Pruning;

/// <summary>Removes channels, heads or neurons: finds what hangs together, scores it, chooses, and cuts.</summary>
/// <param name="options">The options.</param>
/// <param name="context">The stage.</param>
/// <param name="sizes">What the groups had before the first of several rounds; null in the only round.</param>
internal sealed class StructurePruning(PruneOptions options, StageContext context, GroupSizes? sizes = null)
{
    /// <summary>Prunes a model.</summary>
    public JsonObject Run(Model model)
    {
        var before = ModelCost.Measure(model);
        var criterion = CriterionFactory.Of(options);
        using var data = ImportanceSource.Open(model, criterion, options.Importance, context);
        context.Report(0, "dependencies");
        DependencyGraph.Prepare(model);
        var dependencies = DependencyGraph.Analyze(model, context.CancellationToken);
        var selection = new GroupSelection(dependencies, options.Structure, options.Layers);
        sizes?.Note(selection.Groups);
        var scorer = new GroupScorer(CriterionFactory.Create(criterion, context.Seed), data);
        scorer.Read(selection.Groups.Select(group => (group.Members, group.Length)), (share, name) => context.Report(share, name), context.CancellationToken);
        var chooser = new ChannelChooser(selection.Groups, scorer, options, sizes, context.CancellationToken);
        using var latency = options.Target!.Latency is null ? null : new LatencyProbe(dependencies, context);
        var choice = new TargetSearch(chooser, new StructureCost(dependencies), options, context).Run(latency is null ? null : latency.Measure);
        var report = Describe(selection, choice, chooser);
        StructureRemoval.Run(dependencies, choice.Parts);
        ViewSimplification.Run(model);
        model.LeaveFile();

        var after = ModelCost.Measure(model);
        report["criterion"] = OptionNames.Of(criterion);
        report["parametersBefore"] = before.Parameters;
        report["parameters"] = after.Parameters;
        report["macsBefore"] = before.Macs;
        report["macs"] = after.Macs;
        return report;
    }

    private JsonObject Describe(GroupSelection selection, ChannelChoice choice, ChannelChooser chooser)
    {
        var groups = new JsonArray();
        var unchanged = new List<(string Name, string Reason)>();
        foreach (var group in selection.Groups)
        {
            var removed = choice.Of(group).Count;
            groups.Add(new JsonObject { ["name"] = group.Name, ["kind"] = OptionNames.Of(group.Kind), ["channelsBefore"] = group.Length, ["channels"] = group.Length - removed });
            var before = sizes?.Of(group) ?? group.Length;
            if (group.Length - removed < before || options.Scope == PruneScope.Global || sizes?.MoreFollows == true)
            {
                continue;
            }

            var reason = chooser.Unscored.Contains(group) ? "the criterion has no score for it"
                : group.Multiple > 1 ? $"{group.Length} channels in {group.Multiple} groups of a normalisation are too few for this target"
                : $"{group.Length} channels are too few for this target";
            if (selection.ExplicitPath(group) is { } path)
            {
                throw new CompressToolException(CompressionErrors.SelectedButUnchanged, $"the channels of '{group.Name}' stay: {reason}") { OptionPath = path };
            }

            unchanged.Add((group.Name, reason));
        }

        if (!choice.Parts.Any() && sizes?.MoreFollows != true && selection.Groups.All(group => (sizes?.Of(group) ?? group.Length) == group.Length))
        {
            throw new CompressToolException(CompressionErrors.NoEffect, $"nothing would be removed; {unchanged.Select(item => $"'{item.Name}': {item.Reason}").FirstOrDefault("the target is too small for any group")}; give a higher target")
            { OptionPath = "target" };
        }

        if (unchanged.Count > 0)
        {
            context.AddWarning(CompressionErrors.LayersSkipped,
                $"{unchanged.Count} of {selection.Groups.Count} groups keep all their channels: {string.Join(", ", unchanged.Take(5).Select(item => $"{item.Name} ({item.Reason})"))}{(unchanged.Count > 5 ? $" and {unchanged.Count - 5} more" : "")}",
                "layers");
        }

        return new JsonObject { ["groups"] = groups };
    }
}
