using CompressTool.Compression.Options;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression;

/// <summary>The layers that a stage was told to work on.</summary>
public sealed class LayerSelection
{
    private readonly Dictionary<Layer, string> _explicit;

    private LayerSelection(IReadOnlyList<Layer> layers, Dictionary<Layer, string> named)
    {
        Layers = layers;
        _explicit = named;
    }

    /// <summary>The selected layers, in graph order.</summary>
    public IReadOnlyList<Layer> Layers { get; }

    /// <summary>Selects layers: those that an include pattern matches (all when there is none) and no exclude pattern does.</summary>
    /// <param name="layers">All layers of the model.</param>
    /// <param name="selector">The patterns.</param>
    /// <param name="optionPath">Path of the selector below the stage, for error places.</param>
    /// <exception cref="CompressToolException">A pattern matches no layer of the model (<see cref="CompressionErrors.UnmatchedSelector"/>).</exception>
    public static LayerSelection Select(IReadOnlyList<Layer> layers, LayerSelector selector, string optionPath = "layers")
    {
        var named = new Dictionary<Layer, string>();
        var selected = new HashSet<Layer>(selector.Include.Count == 0 ? layers : []);
        foreach (var (index, text) in selector.Include.Index())
        {
            var pattern = new LayerPattern(text);
            var path = $"{optionPath}.include[{index}]";
            foreach (var layer in Match(pattern, layers, path))
            {
                selected.Add(layer);
                if (pattern.IsExplicit)
                {
                    named.TryAdd(layer, path);
                }
            }
        }

        foreach (var (index, text) in selector.Exclude.Index())
        {
            selected.ExceptWith(Match(new LayerPattern(text), layers, $"{optionPath}.exclude[{index}]"));
        }

        return new LayerSelection([.. layers.Where(selected.Contains)], named);
    }

    /// <summary>Path of the include pattern that names a layer without wildcards; null when it was selected otherwise.</summary>
    public string? ExplicitPath(Layer layer) => _explicit.GetValueOrDefault(layer);

    private static List<Layer> Match(LayerPattern pattern, IReadOnlyList<Layer> layers, string path)
    {
        var matches = layers.Where(pattern.Matches).ToList();
        return matches.Count > 0 ? matches : throw new CompressToolException(
            CompressionErrors.UnmatchedSelector,
            $"the pattern '{pattern.Text}' matches none of the model's {layers.Count} layers"
                + (pattern.Nearest(layers) is { } near ? $"; did you mean '{near}'?" : "; 'dotnet compress inspect MODEL --layers' lists them"))
        { OptionPath = path };
    }
}
