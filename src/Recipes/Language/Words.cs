using System.Text;

namespace CompressTool.Recipes.Language;

/// <summary>Small helpers for the wording of messages and names.</summary>
internal static class Words
{
    /// <summary>Text from the file between quotes, shortened and on one line, so that hostile text cannot spoil a log.</summary>
    public static string Quote(string text)
    {
        const int shown = 60;
        var builder = new StringBuilder("'");
        foreach (var c in text.AsSpan(0, Math.Min(shown, text.Length)))
        {
            builder.Append(char.IsControl(c) ? ' ' : c);
        }

        return builder.Append(text.Length > shown ? "…'" : "'").ToString();
    }
}
