using System.Globalization;
using System.Text;

namespace CompressTool.Diffusion.Text;

/// <summary>
/// Splits a text as CLIP does (Radford et al. 2021): English contractions, runs of letters, single digits, and runs of
/// anything else but white space.
/// </summary>
internal static class WordSplitter
{
    private static readonly string[] s_contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    private enum Kind
    {
        Space,
        Letter,
        Number,
        Other,
    }

    /// <summary>The words of a text in lower case.</summary>
    public static IEnumerable<string> Split(string text)
    {
        for (var start = 0; start < text.Length;)
        {
            var length = Array.Find(s_contractions, contraction => string.CompareOrdinal(text, start, contraction, 0, contraction.Length) == 0)?.Length ?? 0;
            if (length == 0)
            {
                var kind = KindAt(text, start, out length);
                while (kind is Kind.Letter or Kind.Other && start + length < text.Length && KindAt(text, start + length, out var next) == kind)
                {
                    length += next;
                }

                if (kind == Kind.Space)
                {
                    start += length;
                    continue;
                }
            }

            yield return text.Substring(start, length);
            start += length;
        }
    }

    private static Kind KindAt(string text, int index, out int length)
    {
        Rune.DecodeFromUtf16(text.AsSpan(index), out var rune, out length);
        return Rune.IsWhiteSpace(rune) ? Kind.Space : Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Kind.Other,
        };
    }
}
