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
}
