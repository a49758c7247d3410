using System.Globalization;
using System.Text;
using CompressTool.Compression.Options;
using CompressTool.Recipes.Language.Binding;

namespace CompressTool.Recipes.Documentation;

/// <summary>The keys of an options record as a Markdown table, keys of nested records with their path.</summary>
internal static class OptionTable
{
    /// <summary>Writes the table and, below it, what the words of enums mean.</summary>
    public static void Write(RecordType record, StringBuilder text)
    {
        var rows = Rows(record, record.CreateDefault(), "").ToList();
        if (rows.Count == 0)
        {
            text.Append("No options.\n");
            return;
        }

        text.Append("| Option | Value | Default | Meaning |\n|---|---|---|---|\n");
        foreach (var row in rows)
        {
            var example = row.Key.Option.Example is { } written ? $" Example: {Markdown.Code(written)}" : "";
            text.Append(null, $"| {Markdown.Code(row.Path)} | {Markdown.Cell(Value(row.Key))} | {row.Default} | {Markdown.Cell(row.Key.Option.Description)}{example} |\n");
        }

        foreach (var (path, type) in rows.Select(row => (row.Path, Type: EnumOf(row.Key.Type))).Where(row => row.Type?.Members.Any(member => member.Description is not null) == true))
        {
            text.Append(null, $"\n### Values of `{path}`\n\n");
            foreach (var member in type!.Members)
            {
                text.Append(null, $"- `{member.Name}`{(member.Description is null ? "" : ": " + member.Description)}\n");
            }
        }
    }

    private static IEnumerable<Row> Rows(RecordType record, object? defaults, string prefix)
    {
        foreach (var key in record.Keys)
        {
            var path = prefix + key.Name;
            var value = defaults is null ? null : key.Property.GetValue(defaults);
            yield return new Row(path, key, DefaultText(key, record, value));
            var (nested, inner, suffix) = key.Type switch
            {
                RecordType type => (type, value ?? type.CreateDefault(), "."),
                ListType { Item: RecordType type } => (type, type.CreateDefault(), "[]."),
                MapType { Value: RecordType type } => (type, type.CreateDefault(), ".*."),
                OutputListType => (OutputListType.Item, OutputListType.Item.CreateDefault(), "[]."),
                _ => (null, null, ""),
            };
            foreach (var row in nested is null ? [] : Rows(nested, inner, path + suffix))
            {
                yield return row;
            }
        }
    }

    private static string DefaultText(OptionKey key, RecordType record, object? value)
    {
        if (key.Option.Required)
        {
            return "required";
        }

        if (record.IsExactlyOne)
        {
            return "one of these";
        }

        return value switch
        {
            null or "" => "",
            bool flag => flag ? "`true`" : "`false`",
            int or long => string.Create(CultureInfo.InvariantCulture, $"`{value}`"),
            double number => $"`{NumberType.Format(number)}`",
            Enum member when EnumOf(key.Type) is { } type => $"`{type.NameOf(member)}`",
            string or Fraction or ByteSize or SizeLimit => Markdown.Code(value.ToString()!),
            _ => "",
        };
    }

    private static EnumType? EnumOf(OptionType type) => type switch
    {
        EnumType members => members,
        ListType list => EnumOf(list.Item),
        MapType map => EnumOf(map.Value),
        _ => null,
    };

    private static string Value(OptionKey key) => Value(key.Type) + Range(key);

    private static string Value(OptionType type) => type switch
    {
        EnumType members => string.Join(", ", members.Members.Select(member => $"`{member.Name}`")),
        ListType list => $"{Value(list.Item)}; or a list of these",
        MapType map => $"a mapping with free keys to {Value(map.Value)}",
        _ => type.Noun,
    };

    private static string Range(OptionKey key)
    {
        var text = (double limit) => key.Type is FractionType ? new Fraction(limit).ToString() : NumberType.Format(limit);
        return (double.IsFinite(key.Option.Min), double.IsFinite(key.Option.Max)) switch
        {
            (true, true) when key.Option.Min == key.Option.Max => $", {text(key.Option.Min)}",
            (true, true) => $", {text(key.Option.Min)} to {text(key.Option.Max)}",
            (true, false) => $", at least {text(key.Option.Min)}",
            (false, true) => $", at most {text(key.Option.Max)}",
            _ => "",
        };
    }

    private sealed record Row(string Path, OptionKey Key, string Default);
}
