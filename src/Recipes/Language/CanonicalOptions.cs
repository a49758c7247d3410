using System.Collections;
using System.Globalization;
using System.Text;
using CompressTool.Compression.Options;
using CompressTool.Recipes.Language.Binding;

namespace CompressTool.Recipes.Language;

/// <summary>
/// The one text of an options record, for stage keys and reports: JSON on one line with every key, defaults included, in
/// ordinal order. Two records have the same text exactly when they mean the same.
/// </summary>
public static class CanonicalOptions
{
    /// <summary>Writes an options record. Files are written as named; their content is the plan's business (see <see cref="Files"/>).</summary>
    /// <param name="options">An options record.</param>
    public static string Write(object options)
    {
        var json = new StringBuilder();
        WriteValue(options, json);
        return json.ToString();
    }

    /// <summary>The files that an options record names, by option path, in ordinal order of the paths.</summary>
    /// <param name="options">An options record.</param>
    public static IReadOnlyList<(string OptionPath, RecipePath File)> Files(object options)
    {
        var files = new List<(string, RecipePath)>();
        Find(options, "", files);
        return files;
    }

    /// <summary>The sets of files that an options record names, likewise.</summary>
    /// <param name="options">An options record.</param>
    public static IReadOnlyList<(string OptionPath, RecipeFiles Files)> FileSets(object options)
    {
        var sets = new List<(string, RecipeFiles)>();
        Find(options, "", sets);
        return sets;
    }

    /// <summary>A share in percent with every digit of the number, e.g. <c>12.5%</c>.</summary>
    internal static string Exact(Fraction share)
    {
        var text = share.Value.ToString("R", CultureInfo.InvariantCulture);
        // In this range a decimal holds every digit of a double; outside it the share keeps its own notation.
        var percent = Math.Abs(share.Value) is 0 or (> 1e-9 and < 1e9) ? decimal.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture) * 100 : (decimal?)null;
        return percent is { } exact ? exact.ToString("0.############################", CultureInfo.InvariantCulture) + "%" : text;
    }

    private static void WriteValue(object? value, StringBuilder json)
    {
        switch (value)
        {
            case null:
                json.Append("null");
                break;
            case bool flag:
                json.Append(flag ? "true" : "false");
                break;
            case int or long:
                json.Append(CultureInfo.InvariantCulture, $"{value}");
                break;
            case double number:
                json.Append(number.ToString("R", CultureInfo.InvariantCulture));
                break;
            case IDictionary map:
                WriteObject(map.Keys.Cast<string>().Select(key => (key, map[key])), json);
                break;
            case IEnumerable items and not string:
                WriteList(items, json);
                break;
            default:
                if (ScalarText(value) is { } text)
                {
                    WriteText(text, json);
                }
                else
                {
                    WriteObject(RecordType.Of(value.GetType()).Keys.Select(key => (key.Name, key.Property.GetValue(value))), json);
                }

                break;
        }
    }

    /// <summary>A value that is written as text; null for a record.</summary>
    private static string? ScalarText(object value) => value switch
    {
        string text => text,
        Fraction share => Exact(share),
        ByteSize size => Exact(size),
        SizeLimit { Share: { } share } => Exact(new Fraction(share)),
        SizeLimit { Bytes: var bytes } => Exact(new ByteSize(bytes ?? 0)),
        RecipePath path => path.Text,
        RecipeFiles files => files.Text,
        Enum member => ((EnumType)OptionType.Of(member.GetType())).NameOf(member),
        _ => null,
    };

    private static string Exact(ByteSize size) => string.Create(CultureInfo.InvariantCulture, $"{size.Bytes} B");

    private static void WriteObject(IEnumerable<(string Key, object? Value)> entries, StringBuilder json)
    {
        var separator = "{";
        foreach (var (key, value) in entries.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            json.Append(separator);
            WriteText(key, json);
            json.Append(':');
            WriteValue(value, json);
            separator = ",";
        }

        json.Append(separator == "{" ? "{}" : "}");
    }

    private static void WriteList(IEnumerable items, StringBuilder json)
    {
        var separator = "";
        json.Append('[');
        foreach (var item in items)
        {
            json.Append(separator);
            WriteValue(item, json);
            separator = ",";
        }

        json.Append(']');
    }

    // Not the library's writer: which characters that escapes may change with its version, and a stage key must not.
    private static void WriteText(string text, StringBuilder json)
    {
        json.Append('"');
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' or '\\' => json.Append('\\').Append(c),
                < ' ' => json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => json.Append(c),
            };
        }

        json.Append('"');
    }

    private static void Find<T>(object? value, string path, List<(string, T)> found)
    {
        switch (value)
        {
            case T file:
                found.Add((path, file));
                break;
            case IDictionary map:
                foreach (var key in map.Keys.Cast<string>().Order(StringComparer.Ordinal))
                {
                    Find(map[key], Join(path, key), found);
                }

                break;
            case IEnumerable items and not string:
                foreach (var (index, item) in items.Cast<object>().Index())
                {
                    Find(item, $"{path}[{index}]", found);
                }

                break;
            case not null when OptionType.Of(value.GetType()) is RecordType record:
                foreach (var key in record.Keys.OrderBy(key => key.Name, StringComparer.Ordinal))
                {
                    Find(key.Property.GetValue(value), Join(path, key.Name), found);
                }

                break;
        }
    }

    private static string Join(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";
}
