using System.Reflection;
using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Language.Yaml;

namespace CompressTool.Recipes.Language.Binding;

/// <summary>One key of an options record.</summary>
internal sealed class OptionKey
{
    public OptionKey(PropertyInfo property, OptionAttribute option)
    {
        var nullability = new NullabilityInfoContext().Create(property);
        Property = property;
        Option = option;
        Name = OptionNames.Kebab(property.Name);
        IsNullable = nullability.WriteState == NullabilityState.Nullable;
        Type = OptionType.Of(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType);
    }

    /// <summary>The key as written.</summary>
    public string Name { get; }

    public PropertyInfo Property { get; }

    public OptionAttribute Option { get; }

    /// <summary>True when leaving the key out means something else than any value.</summary>
    public bool IsNullable { get; }

    public OptionType Type { get; }
}

/// <summary>An options record: a mapping with known keys.</summary>
internal sealed class RecordType : OptionType
{
    private readonly Type _type;
    private readonly OptionKey[] _keys;

    public RecordType(Type type)
    {
        _type = type;
        _keys =
        [
            .. from property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
               let option = property.GetCustomAttribute<OptionAttribute>()
               where option is not null
               select new OptionKey(property, option),
        ];
        IsExactlyOne = type.GetCustomAttribute<ExactlyOneAttribute>() is not null;
    }

    public override string Noun => "a mapping";

    /// <summary>The keys in the order of the record.</summary>
    public IReadOnlyList<OptionKey> Keys => _keys;

    /// <summary>True when exactly one of the keys is given.</summary>
    public bool IsExactlyOne { get; }

    /// <summary>True when a mapping without any key is valid.</summary>
    public bool CanBeEmpty => !IsExactlyOne && !_keys.Any(key => key.Option.Required);

    /// <summary>The record of an options type.</summary>
    public static new RecordType Of(Type type) => (RecordType)OptionType.Of(type);

    /// <summary>A record with all defaults.</summary>
    public object CreateDefault() => Activator.CreateInstance(_type)!;

    public override JsonObject Schema(OptionAttribute limits, SchemaContext context)
    {
        var defaults = CreateDefault();
        var schema = new JsonObject
        {
            ["type"] = "object",
            ["additionalProperties"] = false,
            ["properties"] = new JsonObject(_keys.Select(key => KeyValuePair.Create(key.Name, (JsonNode?)KeySchema(key, defaults, context)))),
        };
        if (_keys.Any(key => key.Option.Required))
        {
            schema["required"] = new JsonArray([.. _keys.Where(key => key.Option.Required).Select(key => JsonValue.Create(key.Name))]);
        }

        if (IsExactlyOne)
        {
            (schema["minProperties"], schema["maxProperties"]) = (1, 1);
        }

        return schema;
    }

    private static JsonObject KeySchema(OptionKey key, object defaults, SchemaContext context)
    {
        var schema = key.Type.Schema(key.Option, context);
        if (key.IsNullable && !key.Option.Required)
        {
            schema = JsonSchemas.AnyOf(schema, new JsonObject { ["type"] = "null" });
        }

        var members = (key.Type as EnumType)?.Members.Where(member => member.Description is not null).Select(member => $"\n- {member.Name}: {member.Description}");
        schema["description"] = key.Option.Description + string.Concat(members ?? []);
        if (!key.Option.Required && key.Type is ScalarType && key.Property.GetValue(defaults) is { } value)
        {
            schema["default"] = JsonNode.Parse(CanonicalOptions.Write(value));
        }

        if (key.Option.Example is { } example)
        {
            schema["examples"] = new JsonArray(YamlJson.Parse(example));
        }

        return schema;
    }

    protected override object? BindValue(YamlNode node, Place place, OptionAttribute limits, BindingContext context)
    {
        if (node is YamlMapping mapping)
        {
            return BindEntries(mapping.Entries, place, context);
        }

        context.WrongType(node, place, Noun);
        return null;
    }

    /// <summary>Reads the keys of a mapping; null when any is wrong.</summary>
    public object? BindEntries(IReadOnlyList<YamlEntry> entries, Place place, BindingContext context)
    {
        var errors = context.Diagnostics.ErrorCount;
        var record = CreateDefault();
        var given = new List<(OptionKey Key, YamlEntry Entry)>();
        var (unknown, valid) = (false, true);
        foreach (var entry in entries)
        {
            var key = Array.Find(_keys, key => key.Name == entry.Key.Text);
            if (key is null)
            {
                unknown = true;
                ReportUnknown(entry.Key, place, context);
            }
            else if (!(key.IsNullable && entry.Value is YamlScalar { IsNull: true }))
            {
                given.Add((key, entry));
                var keyPlace = place.Key(key.Name, entry.Key.Location);
                context.Positions[keyPlace.Path] = entry.ValueLocation;
                var value = key.Type.Bind(entry.Value, keyPlace, key.Option, context);
                valid &= value is not null;
                if (value is not null)
                {
                    key.Property.SetValue(record, value);
                }
            }
        }

        ReportMissing(given, place, context);
        // A misspelled key is one mistake, not two.
        if (IsExactlyOne && !(unknown && given.Count == 0))
        {
            CheckExactlyOne(given, place, context);
        }

        return valid && errors == context.Diagnostics.ErrorCount ? record : null;
    }

    private void ReportUnknown(YamlScalar key, Place place, BindingContext context)
    {
        var names = _keys.Select(known => known.Name).ToArray();
        var where = place.Name.Length == 0 ? "" : $" in '{place.Name}'";
        var nearest = NearestName.Find(key.Text, names) is { } name ? $"; did you mean '{name}'?" : ";";
        var allowed = names.Length == 0 ? $"'{place.Name}' has no keys" : $"allowed: {string.Join(", ", names)}";
        context.Error(RecipeErrors.UnknownKey, key.Location, $"unknown key {Words.Quote(key.Text)}{where}{nearest} {allowed}");
    }

    private void ReportMissing(List<(OptionKey Key, YamlEntry Entry)> given, Place place, BindingContext context)
    {
        foreach (var key in _keys.Where(key => key.Option.Required && given.All(item => item.Key != key)))
        {
            var missing = place.Name.Length == 0 ? $"key '{key.Name}' is missing" : $"'{place.Name}' needs the key '{key.Name}'";
            var example = key.Option.Example is { } text ? $", e.g. {key.Name}: {text}" : $": {key.Type.Noun}";
            context.Error(RecipeErrors.MissingKey, place.Owner, missing + example);
        }
    }

    private void CheckExactlyOne(List<(OptionKey Key, YamlEntry Entry)> given, Place place, BindingContext context)
    {
        var names = string.Join(", ", _keys.Select(key => key.Name));
        if (given.Count == 0)
        {
            context.Error(RecipeErrors.NotExactlyOne, place.Owner, $"'{place.Name}' needs one of: {names}");
        }

        foreach (var (key, entry) in given.Skip(1))
        {
            context.Error(RecipeErrors.NotExactlyOne, entry.Key.Location, $"'{key.Name}' cannot stand beside '{given[0].Key.Name}'; '{place.Name}' takes only one of: {names}");
        }
    }
}
