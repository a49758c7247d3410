namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Equations of Einsum with every axis as a letter.</summary>
internal static class EinsumTerms
{
    private const string Letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    /// <summary>The letters of each operand and of the output; an ellipsis becomes letters that the equation does not use.</summary>
    public static (string[] Terms, string Output) Parse(string equation, int[] ranks)
    {
        equation = equation.Replace(" ", "", StringComparison.Ordinal);
        var arrow = equation.IndexOf("->", StringComparison.Ordinal);
        var terms = (arrow < 0 ? equation : equation[..arrow]).Split(',');
        var free = string.Concat(Letters.Where(letter => !equation.Contains(letter)));
        var dots = terms.Zip(ranks, (term, rank) => term.Contains('.') ? rank - (term.Length - 3) : 0).Max();
        var ellipsis = free[..dots];

        // Without an arrow: the letters that occur once, in alphabetical order.
        var output = arrow >= 0 ? equation[(arrow + 2)..]
            : (dots > 0 ? "..." : "") + string.Concat(string.Concat(terms).Where(char.IsLetter).GroupBy(letter => letter).Where(group => group.Count() == 1).Select(group => group.Key).Order());
        return ([.. terms.Zip(ranks, (term, rank) => term.Replace("...", term.Contains('.') ? ellipsis[^(rank - (term.Length - 3))..] : "", StringComparison.Ordinal))],
            output.Replace("...", ellipsis, StringComparison.Ordinal));
    }

    /// <summary>A term in which each letter occurs once: every repetition becomes a letter that is not in use.</summary>
    /// <returns>The term, and which letter each new one repeats.</returns>
    public static (string Term, IReadOnlyList<(char Letter, char Repeat)> Diagonals) WithoutRepeats(string term, string used)
    {
        var free = new Queue<char>(Letters.Where(letter => !used.Contains(letter)));
        var diagonals = new List<(char Letter, char Repeat)>();
        var result = term.ToCharArray();
        for (var axis = 0; axis < result.Length; axis++)
        {
            if (term[..axis].Contains(term[axis]))
            {
                result[axis] = free.Dequeue();
                diagonals.Add((term[axis], result[axis]));
            }
        }

        return (new string(result), diagonals);
    }
}
