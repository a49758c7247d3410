using System.Globalization;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>
/// Names blocks by the modules whose layers they have: <c>down_blocks.0.resnets.1</c>, or several with a plus between them. A slot
/// has <c>+skip</c> behind it.
/// </summary>
internal sealed class BlockNames
{
    private const int MostParts = 4;

    private readonly Dictionary<Node, string> _layers = [];
    private readonly Dictionary<string, string[]> _modules = [];
    private readonly HashSet<string> _given = [];

    /// <summary>Names the blocks of a graph.</summary>
    /// <param name="graph">The graph.</param>
    public BlockNames(Graph graph)
    {
        foreach (var layer in Layers.Find(graph))
        {
            _modules.TryAdd(layer.Name, [.. Modules(layer.Name)]);
            foreach (var use in layer.Uses)
            {
                _layers.TryAdd(use.Node, layer.Name);
            }
        }
    }

    /// <summary>Gives every block a name.</summary>
    public void Name(IEnumerable<Block> blocks)
    {
        // Projections beside residual blocks stay when the blocks go, but belong to the same modules.
        var list = blocks.ToArray();
        var shortcuts = list.SelectMany(block => block.ShortcutNodes()).ToHashSet();
        var all = Count(_layers.Keys, shortcuts);
        foreach (var block in list)
        {
            block.Name = Unique(Label(block, shortcuts, all));
        }
    }

    private string Label(Block block, HashSet<Node> shortcuts, Dictionary<string, int> all)
    {
        // The largest modules that the block has all layers of, and of those the smallest that have the same layers.
        var layers = _layers.Where(layer => block.Nodes.Contains(layer.Key)).ToArray();
        var own = Count(layers.Select(layer => layer.Key), shortcuts);
        var parts = layers.Select(layer => layer.Value)
            .GroupBy(layer => _modules[layer].First(module => module == layer || own.GetValueOrDefault(module) == all.GetValueOrDefault(module)))
            .Select(part => Common([.. part])).ToArray();
        var label = parts.Length == 0 ? block.Exit.Producer?.DisplayName ?? block.Exit.Name
            : parts.Length <= MostParts ? string.Join('+', parts)
            : $"{parts[0]}+...+{parts[^1]}";
        return block.Kind == BlockKind.Slot ? label + "+skip" : label;
    }

    /// <summary>How many layers each module has.</summary>
    private Dictionary<string, int> Count(IEnumerable<Node> layers, HashSet<Node> without)
    {
        var counts = new Dictionary<string, int>();
        foreach (var module in layers.Where(layer => !without.Contains(layer)).SelectMany(layer => _modules[_layers[layer]]))
        {
            counts[module] = counts.GetValueOrDefault(module) + 1;
        }

        return counts;
    }

    /// <summary>A name and what it is inside of, outermost first.</summary>
    private static IEnumerable<string> Modules(string name)
    {
        for (var dot = name.IndexOf('.'); dot >= 0; dot = name.IndexOf('.', dot + 1))
        {
            yield return name[..dot];
        }

        yield return name;
    }

    private static string Common(IReadOnlyList<string> names) => Modules(names[0]).Last(module => names.All(name => name == module || name.StartsWith(module + ".", StringComparison.Ordinal)));

    private string Unique(string label)
    {
        var name = label;
        for (var number = 2; !_given.Add(name); number++)
        {
            name = string.Create(CultureInfo.InvariantCulture, $"{label}#{number}");
        }

        return name;
    }
}
