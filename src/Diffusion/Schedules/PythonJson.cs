using System.Text;

namespace CompressTool.Diffusion.Schedules;

/// <summary>JSON as Python writes it: with the numbers <c>NaN</c>, <c>Infinity</c> and <c>-Infinity</c>, which JSON does not have.</summary>
internal static class PythonJson
{
    private static readonly string[] s_numbers = ["-Infinity", "Infinity", "NaN"];

    /// <summary>The text with these numbers as texts.</summary>
    public static string ToJson(string text)
    {
        var result = new StringBuilder(text.Length);
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (!quoted && Array.Find(s_numbers, number => string.CompareOrdinal(text, i, number, 0, number.Length) == 0) is { } found)
            {
                result.Append('"').Append(found).Append('"');
                i += found.Length - 1;
                continue;
            }

            result.Append(text[i]);
            if (quoted && text[i] == '\\' && i + 1 < text.Length)
            {
                result.Append(text[++i]);
            }
            else if (text[i] == '"')
            {
                quoted = !quoted;
            }
        }

        return result.ToString();
    }

    /// <summary>The number that a text made by <see cref="ToJson"/> stands for; null for other texts.</summary>
    public static double? SpecialNumber(string text) => text switch
    {
        "-Infinity" => double.NegativeInfinity,
        "Infinity" => double.PositiveInfinity,
        "NaN" => double.NaN,
        _ => null,
    };
}
