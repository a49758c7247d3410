using System.Globalization;
using System.Text;

namespace CompressTool.Recipes.Build;

/// <summary>Text inside an MSBuild project.</summary>
internal static class MSBuildText
{
    /// <summary>
    /// Makes text literal inside an attribute. MSBuild's own escape comes first: the other order would escape the semicolon
    /// of <c>&amp;apos;</c>.
    /// </summary>
    public static string Attribute(string text) => Xml(Literal(text));

    /// <summary>Makes text literal to MSBuild: no property, item list, separator or wildcard.</summary>
    public static string Literal(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if ("%$@();'?*".Contains(c, StringComparison.Ordinal))
            {
                result.Append('%').Append(((int)c).ToString("x2", CultureInfo.InvariantCulture));
            }
            else
            {
                result.Append(c);
            }
        }

        return result.ToString();
    }

    /// <summary>Escapes text for an XML attribute in double quotes.</summary>
    public static string Xml(string text) => text
        .Replace("&", "&amp;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal)
        .Replace("\"", "&quot;", StringComparison.Ordinal)
        .Replace("\t", "&#9;", StringComparison.Ordinal)
        .Replace("\r", "&#13;", StringComparison.Ordinal)
        .Replace("\n", "&#10;", StringComparison.Ordinal);

    /// <summary>Text for an XML comment, which must not hold two hyphens in a row; the second pass is for an odd number of them.</summary>
    public static string Comment(string text) => Xml(text
        .Replace("--", "- -", StringComparison.Ordinal)
        .Replace("--", "- -", StringComparison.Ordinal));
}
