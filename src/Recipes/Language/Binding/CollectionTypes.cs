using System.Collections;
using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Recipes.Language.Yaml;

namespace CompressTool.Recipes.Language.Binding;

/// <summary>A list; one item may stand alone.</summary>
internal sealed class ListType(Type itemType) : OptionType
{
    private readonly OptionType _item = Of(itemType);

    public override string Noun => "a list";

    /// <summary>The type of the items.</summary>
    public OptionType Item => _item;

    public override JsonObject Schema(OptionAttribute limits, SchemaContext context) => JsonSchemas.AnyOf(
        new JsonObject { ["type"] = "array", ["items"] = _item.Schema(limits, context) },
        _item.Schema(limits, context));

    protected override object? BindValue(YamlNode node, Place place, OptionAttribute limits, BindingContext context)
    {
        var items = node is YamlSequence sequence ? sequence.Items : [node];
        var values = Array.CreateInstance(itemType, items.Count);
        var valid = true;
        for (var i = 0; i < items.Count; i++)
        {
            var item = place.Item(i, items[i].Location);
            context.Positions[item.Path] = items[i].Location;
            var value = _item.Bind(items[i], item, limits, context);
            valid &= value is not null;
            if (value is not null)
            {
                values.SetValue(value, i);
            }
        }

        return valid ? values : null;
    }
}

/// <summary>A mapping with free keys.</summary>
internal sealed class MapType(Type valueType) : OptionType
{
    private readonly OptionType _value = Of(valueType);

    public override string Noun => "a mapping";

    /// <summary>The type of the values.</summary>
    public OptionType Value => _value;

    public override JsonObject Schema(OptionAttribute limits, SchemaContext context) => new()
    {
        ["type"] = "object",
        ["additionalProperties"] = _value.Schema(limits, context),
    };

    protected override object? BindValue(YamlNode node, Place place, OptionAttribute limits, BindingContext context)
    {
        if (node is not YamlMapping mapping)
        {
            context.WrongType(node, place, Noun);
            return null;
        }

        var values = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(typeof(string), valueType), StringComparer.Ordinal)!;
        foreach (var entry in mapping.Entries)
        {
            var key = place.Key(entry.Key.Text, entry.Key.Location);
            context.Positions[key.Path] = entry.ValueLocation;
            if (_value.Bind(entry.Value, key, limits, context) is { } value)
            {
                values.Add(entry.Key.Text, value);
            }
        }

        return values.Count == mapping.Entries.Count ? values : null;
    }
}
