namespace CompressTool.Onnx.Inference.Rules;

/// <summary>The equation of an Einsum node; the dots stand for any number of axes and are the label <c>.</c> here.</summary>
internal sealed class EinsumEquation
{
    private const char Dots = '.';
    private readonly string[] _terms;
    private readonly string? _output;

    private EinsumEquation(string[] terms, string? output) => (_terms, _output) = (terms, output);

    public static EinsumEquation Parse(NodeContext c)
    {
        var text = c.Text("equation", "");
        var sides = text.Replace(" ", "").Replace("...", ".").Split("->");
        var terms = sides[0].Split(',');
        if (sides.Length > 2 || terms.Length != c.InputCount || sides.Any(side => side.Any(label => !char.IsAsciiLetter(label) && label is not (Dots or ','))))
        {
            throw c.Mismatch($"its equation '{text}' does not fit its {c.InputCount} inputs");
        }

        return new EinsumEquation(terms, sides.Length == 2 ? sides[1] : null);
    }

    /// <summary>The labels of the output, in order.</summary>
    public string Output(NodeContext c)
    {
        if (_output is null)
        {
            var all = string.Concat(_terms);
            return (all.Contains(Dots) ? "." : "") + string.Concat(all.Where(label => label != Dots).GroupBy(label => label).Where(group => group.Count() == 1).Select(group => group.Key).Order());
        }

        return _output.All(label => label == Dots || _terms.Any(term => term.Contains(label))) ? _output
            : throw c.Mismatch($"its equation '{c.Text("equation", "")}' has an output label that no input has");
    }

    /// <summary>The dimension behind every label, those of the dots as a list; null when an input's shape is unknown.</summary>
    public Dictionary<char, Expression[]>? Extents(NodeContext c)
    {
        var extents = new Dictionary<char, Expression[]> { [Dots] = [] };
        for (var input = 0; input < _terms.Length; input++)
        {
            if (c.Dims(input) is not { } dims)
            {
                return null;
            }

            var term = _terms[input];
            var covered = dims.Length - (term.Length - (term.Contains(Dots) ? 1 : 0));
            if (covered < 0 || (covered > 0 && !term.Contains(Dots)))
            {
                throw c.Mismatch($"the term '{term}' of its equation does not fit {c.What(input)} {NodeContext.Show(dims)}");
            }

            var axis = 0;
            foreach (var label in term)
            {
                var count = label == Dots ? covered : 1;
                var part = dims[axis..(axis + count)];
                axis += count;
                extents[label] = !extents.TryGetValue(label, out var known) ? part : Broadcasting.Of(c, known, part);
            }
        }

        return extents;
    }
}
