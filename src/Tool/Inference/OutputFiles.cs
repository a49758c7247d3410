using System.Globalization;
using System.Text;

namespace CompressTool.Tool.Inference;

/// <summary>Names of files for outputs, whose own names may hold anything.</summary>
internal static class OutputFiles
{
    private const int MaxLength = 120;
    private static readonly string[] s_reserved =
        ["con", "prn", "aux", "nul", .. Enumerable.Range(0, 10).SelectMany(i => new[] { "com" + i.ToString(CultureInfo.InvariantCulture), "lpt" + i.ToString(CultureInfo.InvariantCulture) })];

    /// <summary>A file name for each output, valid on every system and different from the others also where case does not count.</summary>
    public static IReadOnlyList<string> Names(IEnumerable<string> outputs, string extension)
    {
        var taken = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var names = new List<string>();
        foreach (var output in outputs)
        {
            var stem = Sanitize(output);
            var name = stem;
            for (var i = 2; !taken.Add(name); i++)
            {
                name = string.Create(CultureInfo.InvariantCulture, $"{stem}_{i}");
            }

            names.Add(name + extension);
        }

        return names;
    }

    private static string Sanitize(string name)
    {
        var builder = new StringBuilder();
        foreach (var c in name.AsSpan(0, Math.Min(MaxLength, name.Length)))
        {
            builder.Append(char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' || (c > 0x7F && char.IsLetterOrDigit(c)) ? c : '_');
        }

        var stem = builder.ToString().Trim('.');
        return stem.Length == 0 || s_reserved.Contains(stem.Split('.')[0].ToLowerInvariant()) ? "_" + stem : stem;
    }
}
