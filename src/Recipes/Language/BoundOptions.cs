using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Language;

/// <summary>An options record together with the places of its values in the recipe.</summary>
/// <param name="Value">The options record.</param>
/// <param name="Positions">The place of every value that the recipe gives, by option path: <c>target.sparsity</c>, <c>layers.include[1]</c>.</param>
/// <param name="Location">The place of the stage or gate itself.</param>
public sealed record BoundOptions(object Value, IReadOnlyDictionary<string, SourceLocation> Positions, SourceLocation Location)
{
    /// <summary>The place of an option, or of the nearest option around it that the recipe gives, or of the stage or gate.</summary>
    /// <param name="optionPath">An option path as in <see cref="CompressToolException.OptionPath"/>; null or empty is the stage or gate.</param>
    public SourceLocation LocationOf(string? optionPath)
    {
        var path = optionPath ?? "";
        while (path.Length > 0)
        {
            if (Positions.TryGetValue(path, out var location))
            {
                return location;
            }

            path = path[..Math.Max(0, path.LastIndexOfAny(['.', '[']))];
        }

        return Location;
    }
}
