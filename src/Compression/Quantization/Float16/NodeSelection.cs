using CompressTool.Compression.Options;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Quantization.Float16;

/// <summary>Selects nodes by a layer selector: a pattern takes the nodes of the layers it matches, and nodes without weights that it matches themselves.</summary>
internal static class NodeSelection
{
    /// <summary>The selected nodes of a graph and its subgraphs.</summary>
    /// <exception cref="CompressToolException">A pattern matches nothing (<see cref="CompressionErrors.UnmatchedSelector"/>).</exception>
    public static HashSet<Node> Select(Graph graph, LayerSelector selector)
    {
        var layers = Layers.Find(graph);
        var nodes = graph.AllNodes().ToList();
        var selected = new HashSet<Node>(selector.Include.Count == 0 ? nodes : []);
        foreach (var (index, text) in selector.Include.Index())
        {
            selected.UnionWith(Match(text, $"layers.include[{index}]"));
        }

        foreach (var (index, text) in selector.Exclude.Index())
        {
            selected.ExceptWith(Match(text, $"layers.exclude[{index}]"));
        }

        return selected;

        HashSet<Node> Match(string text, string path)
        {
            var pattern = new LayerPattern(text);
            string? Nearest() => text.StartsWith("op:", StringComparison.Ordinal) ? NearestName.Find(text, nodes.Select(node => "op:" + node.OpType).Distinct()) : pattern.Nearest(layers);
            HashSet<Node> matches = [.. layers.Where(pattern.Matches).SelectMany(layer => layer.Uses).Select(use => use.Node), .. nodes.Where(pattern.Matches)];
            return matches.Count > 0 ? matches : throw new CompressToolException(CompressionErrors.UnmatchedSelector,
                $"the pattern '{text}' matches none of the model's {layers.Count} layers and {nodes.Count} nodes"
                    + (Nearest() is { } near ? $"; did you mean '{near}'?" : "; 'dotnet compress inspect MODEL --layers' lists the layers"))
            { OptionPath = path };
        }
    }
}
