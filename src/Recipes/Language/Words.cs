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

    /// <summary>The YAML spelling of a C# name: <c>BlockSize</c> is <c>block-size</c>, <c>Int8Dynamic</c> is <c>int8-dynamic</c>.</summary>
    public static string Kebab(string name)
    {
        var builder = new StringBuilder(name.Length + 4);
        for (var i = 0; i < name.Length; i++)
        {
            var startsWord = i > 0 && char.IsUpper(name[i]) && (!char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1])));
            builder.Append(startsWord ? "-" : "").Append(char.ToLowerInvariant(name[i]));
        }

        return builder.ToString();
    }
}
