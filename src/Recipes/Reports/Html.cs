using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace CompressTool.Recipes.Reports;

/// <summary>A piece of HTML. What is put into the holes of an interpolated text is escaped, unless it is HTML itself.</summary>
/// <param name="Text">The text.</param>
public readonly record struct Html(string Text)
{
    /// <summary>Nothing.</summary>
    public static Html Empty { get; } = new("");

    /// <summary>HTML of an interpolated text.</summary>
    public static Html Of(HtmlText text) => new(text.ToString());

    /// <summary>Pieces in a row.</summary>
    public static Html Join(IEnumerable<Html> pieces) => new(string.Concat(pieces.Select(piece => piece.Text)));

    /// <summary>Text without meaning as HTML, for elements and for attributes in double quotes.</summary>
    public static string Escape(string text) => text
        .Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal).Replace("\"", "&quot;", StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => Text;
}

/// <summary>Writes the holes of interpolated HTML.</summary>
[InterpolatedStringHandler]
public readonly struct HtmlText
{
    private readonly StringBuilder _text;

    /// <summary>Called by the compiler.</summary>
    /// <param name="literalLength">Characters outside holes.</param>
    /// <param name="formattedCount">Holes.</param>
    public HtmlText(int literalLength, int formattedCount) => _text = new StringBuilder(literalLength + (formattedCount * 16));

    /// <summary>Text outside holes is HTML.</summary>
    public void AppendLiteral(string text) => _text.Append(text);

    /// <summary>HTML stays as it is.</summary>
    public void AppendFormatted(Html html) => _text.Append(html.Text);

    /// <summary>Anything else is text.</summary>
    public void AppendFormatted<T>(T value) => _text.Append(Html.Escape(value is IFormattable number ? number.ToString(null, CultureInfo.InvariantCulture) : value?.ToString() ?? ""));

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();
}
