namespace CompressTool.Recipes.Documentation;

/// <summary>Small helpers for writing Markdown.</summary>
internal static class Markdown
{
    /// <summary>Text for a table cell.</summary>
    public static string Cell(string text) => text.Replace("|", "\\|").Replace("<", "&lt;").ReplaceLineEndings(" ");

    /// <summary>Code for a table cell; text with backticks in it stays as it is.</summary>
    public static string Code(string text) => text.Contains('`') ? Cell(text) : $"`{text.Replace("|", "\\|").ReplaceLineEndings(" ")}`";

    /// <summary>Indents the lines of a text, the first one by something else.</summary>
    public static string Indent(string text, string first, string others) =>
        first + text.ReplaceLineEndings("\n").TrimEnd('\n').Replace("\n", "\n" + others);

    /// <summary>The first sentence of a text.</summary>
    public static string FirstSentence(string text)
    {
        var end = text.IndexOf(". ", StringComparison.Ordinal);
        return end < 0 ? text : text[..(end + 1)];
    }
}
