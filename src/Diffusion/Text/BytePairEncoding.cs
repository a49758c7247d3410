namespace CompressTool.Diffusion.Text;

/// <summary>Byte-pair encoding (Sennrich et al. 2016): pairs of neighbours are joined, the most frequent of the training first. The last symbol of a word has an end marker.</summary>
/// <param name="ranks">The rank of each pair, 0 the most frequent.</param>
internal sealed class BytePairEncoding(IReadOnlyDictionary<(string First, string Second), int> ranks)
{
    /// <summary>Marks the end of a word.</summary>
    public const string EndOfWord = "</w>";

    private readonly Dictionary<string, string[]> _known = new(StringComparer.Ordinal);

    /// <summary>The symbols of a word, which is written in the alphabet of bytes.</summary>
    public IReadOnlyList<string> Split(string word)
    {
        if (!_known.TryGetValue(word, out var symbols))
        {
            _known[word] = symbols = Join([.. word.Select(character => character.ToString())]);
        }

        return symbols;
    }

    private string[] Join(List<string> symbols)
    {
        symbols[^1] += EndOfWord;
        while (symbols.Count > 1)
        {
            var best = symbols.Zip(symbols.Skip(1)).MinBy(pair => ranks.GetValueOrDefault(pair, int.MaxValue));
            if (!ranks.ContainsKey(best))
            {
                break;
            }

            for (var i = 0; i < symbols.Count - 1; i++)
            {
                if (symbols[i] == best.First && symbols[i + 1] == best.Second)
                {
                    symbols[i] += symbols[i + 1];
                    symbols.RemoveAt(i + 1);
                }
            }
        }

        return [.. symbols];
    }
}
