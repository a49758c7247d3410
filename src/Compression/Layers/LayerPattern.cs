using System.Buffers;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression;

/// <summary>
/// One pattern of a layer selector: a glob (* is any text, ? one character) over the layer's name, its nodes' names and its
/// weight's name; or <c>op:</c> and a glob over its operator. Case matters.
/// </summary>
/// <param name="Text">The pattern as written.</param>
public sealed record LayerPattern(string Text)
{
    private const string OperatorPrefix = "op:";
    private static readonly SearchValues<char> s_wildcards = SearchValues.Create("*?");

    /// <summary>True when it names layers one by one: neither wildcard nor operator.</summary>
    public bool IsExplicit => !IsOperator && !Text.AsSpan().ContainsAny(s_wildcards);

    private bool IsOperator => Text.StartsWith(OperatorPrefix, StringComparison.Ordinal);

    /// <summary>True when the layer fits the pattern.</summary>
    public bool Matches(Layer layer)
    {
        if (IsOperator)
        {
            var glob = Text.AsSpan(OperatorPrefix.Length);
            foreach (var use in layer.Uses)
            {
                if (IsMatch(glob, use.Node.OpType))
                {
                    return true;
                }
            }

            return false;
        }

        return IsMatch(Text, layer.Name) || IsMatch(Text, layer.Weight.Name) || layer.Uses.Any(use => IsMatch(Text, use.Node.Name));
    }

    /// <summary>
    /// True when a node, with or without a weight, fits the pattern by its operator, its name, or its name written as a module
    /// path (<c>/mid_block/resnets.0/norm1/Mul</c> is <c>mid_block.resnets.0.norm1.Mul</c>).
    /// </summary>
    public bool Matches(Node node) => IsOperator
        ? IsMatch(Text.AsSpan(OperatorPrefix.Length), node.OpType)
        : IsMatch(Text, node.Name) || IsMatch(Text, node.Name.TrimStart('/').Replace('/', '.'));

    /// <summary>A pattern like this one that matches some of the layers; null when none is near.</summary>
    public string? Nearest(IEnumerable<Layer> layers)
    {
        if (IsOperator)
        {
            return NearestName.Find(Text, layers.SelectMany(layer => layer.Uses).Select(use => OperatorPrefix + use.Node.OpType).Distinct());
        }

        // A misspelled module (donw_blocks.*) is near a part of names, not a whole name: one that the pattern's stars leave open.
        var stem = Text.Trim('*').Trim('.');
        var start = Text.IndexOf(stem, StringComparison.Ordinal);
        var (open, end) = (Text.StartsWith('*'), Text.EndsWith('*'));
        return NearestName.Find(stem, layers.SelectMany(layer => Parts(layer.Name, open, end)).Distinct()) is not { } near ? null
            : near != stem ? Text[..start] + near + Text[(start + stem.Length)..]
            : (open ? "*" : "") + near + (end ? "*" : ""); // Only the dot was too much: *.conv_in for a layer conv_in.
    }

    /// <summary>Runs of a dotted name's segments; from its first unless the start is open, to its last unless the end is.</summary>
    private static IEnumerable<string> Parts(string name, bool openStart, bool openEnd)
    {
        var segments = name.Split('.');
        return from first in Enumerable.Range(0, openStart ? segments.Length : 1)
               from last in openEnd ? Enumerable.Range(first + 1, segments.Length - first) : [segments.Length]
               select string.Join('.', segments[first..last]);
    }

    /// <summary>True when a text fits a glob.</summary>
    internal static bool IsMatch(ReadOnlySpan<char> glob, ReadOnlySpan<char> text)
    {
        var (g, t, star, mark) = (0, 0, -1, 0);
        while (t < text.Length)
        {
            if (g < glob.Length && glob[g] == '*')
            {
                (star, mark) = (g++, t);
            }
            else if (g < glob.Length && (glob[g] == '?' || glob[g] == text[t]))
            {
                g++;
                t++;
            }
            else if (star >= 0)
            {
                // The last star takes one character more.
                g = star + 1;
                t = ++mark;
            }
            else
            {
                return false;
            }
        }

        return glob[g..].TrimStart('*').IsEmpty;
    }
}
