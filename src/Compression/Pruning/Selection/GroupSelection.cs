using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning.Selection;

/// <summary>Chooses the groups that a recipe wants pruned: those of its structure whose layers the selector takes.</summary>
internal sealed class GroupSelection
{
    private readonly Dictionary<Value, Layer> _layers;
    private readonly LayerSelection _included;
    private readonly HashSet<Layer> _excluded;

    /// <summary>Selects groups.</summary>
    /// <param name="dependencies">The analysis.</param>
    /// <param name="structure">What is removed.</param>
    /// <param name="selector">Which layers.</param>
    /// <exception cref="CompressToolException">A pattern matches no layer; a layer that the recipe names cannot be pruned; nothing is left.</exception>
    public GroupSelection(DependencyGraph dependencies, PruneStructure structure, LayerSelector selector)
    {
        var layers = Layers.Find(dependencies.Walk.Model.Graph);
        _layers = layers.ToDictionary(layer => layer.Weight);
        _included = LayerSelection.Select(layers, selector with { Exclude = [] });
        _excluded = [.. layers.Except(LayerSelection.Select(layers, selector with { Include = [] }).Layers)];
        var candidates = structure == PruneStructure.Heads ? dependencies.Heads : [.. dependencies.Groups.Where(group => structure switch
        {
            PruneStructure.Neurons => group.Kind == GroupKind.Neurons,
            PruneStructure.HeadSize => group.Kind == GroupKind.HeadSize,
            _ => true,
        })];
        Groups = [.. candidates.Where(group => IsSelected(group) || (selector.Include.Count == 0 && !LayersOf(group).Any()))];
        RefuseNamed(dependencies, candidates, structure);
        if (Groups.Count == 0)
        {
            var what = OptionNames.Of(structure);
            throw new CompressToolException(CompressionErrors.NoEffect, candidates.Count > 0
                ? $"the selector leaves none of the {candidates.Count} groups of {what} that could be pruned"
                : $"no {what} of the model can be pruned{(dependencies.Fixed.Count > 0 ? $"; e.g. '{dependencies.Fixed[0].Name}': {dependencies.Fixed[0].Reason}" : "")}; 'dotnet compress inspect MODEL --structures' lists what can")
            { OptionPath = candidates.Count > 0 ? "layers" : "structure" };
        }
    }

    /// <summary>The groups, in the order in which they are scored and cut.</summary>
    public IReadOnlyList<PrunableGroup> Groups { get; }

    /// <summary>The layers that make a group's channels.</summary>
    public IEnumerable<Layer> LayersOf(PrunableGroup group) =>
        group.Members.Where(member => member.Role == MemberRole.Output).Select(member => _layers.GetValueOrDefault(member.Weight)).OfType<Layer>();

    /// <summary>Path of the pattern that names one of the group's layers; null when none does.</summary>
    public string? ExplicitPath(PrunableGroup group) => LayersOf(group).Select(_included.ExplicitPath).FirstOrDefault(path => path is not null);

    private bool IsSelected(PrunableGroup group)
    {
        var layers = LayersOf(group).ToArray();
        return layers.Any(_included.Layers.Contains) && !layers.Any(_excluded.Contains);
    }

    private void RefuseNamed(DependencyGraph dependencies, IReadOnlyList<PrunableGroup> candidates, PruneStructure structure)
    {
        var able = candidates.SelectMany(LayersOf).ToHashSet();
        foreach (var layer in _included.Layers.Where(layer => !able.Contains(layer)))
        {
            if (_included.ExplicitPath(layer) is { } path)
            {
                var reason = dependencies.Fixed.FirstOrDefault(channels => channels.Name == layer.Name)?.Reason ?? $"it makes no {OptionNames.Of(structure)}";
                throw new CompressToolException(CompressionErrors.SelectedButUnchanged, $"the output channels of '{layer.Name}' cannot be removed: {reason}") { OptionPath = path };
            }
        }
    }
}
