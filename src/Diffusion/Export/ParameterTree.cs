using System.Globalization;

namespace CompressTool.Diffusion.Export;

/// <summary>The names of a model's parameters, asked for the layers that they belong to.</summary>
/// <param name="names">The names.</param>
internal sealed class ParameterTree(IReadOnlyCollection<string> names)
{
    /// <summary>Whether a layer has any parameter.</summary>
    public bool Has(string place) => names.Any(name => name.StartsWith(place + ".", StringComparison.Ordinal));

    /// <summary>The numbers of the layers in a list of layers that have any parameter, in order.</summary>
    /// <param name="place">The list, e.g. <c>down_blocks.0.resnets</c>.</param>
    public IReadOnlyList<int> Numbers(string place)
    {
        var prefix = place + ".";
        return [.. names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..].Split('.')[0])
            .Where(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _)).Select(text => int.Parse(text, CultureInfo.InvariantCulture)).Distinct().Order()];
    }
}
