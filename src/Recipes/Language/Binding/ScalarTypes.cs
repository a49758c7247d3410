using System.Globalization;
using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Recipes.Language.Yaml;

namespace CompressTool.Recipes.Language.Binding;

/// <summary>A type written as a single value.</summary>
internal abstract class ScalarType : OptionType
{
    protected sealed override object? BindValue(YamlNode node, Place place, OptionAttribute limits, BindingContext context)
    {
        if (node is YamlScalar scalar)
        {
            return BindScalar(scalar, place, limits, context);
        }

        context.WrongType(node, place, Noun);
        return null;
    }

    public sealed override JsonObject Schema(OptionAttribute limits, SchemaContext context) => JsonSchemas.AnyOf([.. Alternatives(limits), JsonSchemas.Variable()]);

    /// <summary>The schemas of the forms that the value can have, besides a variable.</summary>
    protected abstract IEnumerable<JsonObject> Alternatives(OptionAttribute limits);

    protected abstract object? BindScalar(YamlScalar scalar, Place place, OptionAttribute limits, BindingContext context);

    /// <summary>Reports the wrong type and gives null.</summary>
    protected object? Wrong(YamlScalar scalar, Place place, BindingContext context)
    {
        context.WrongType(scalar, place, Noun);
        return null;
    }
}

internal sealed class BooleanType : ScalarType
{
    public override string Noun => "true or false";

    protected override IEnumerable<JsonObject> Alternatives(OptionAttribute limits) => [new() { ["type"] = "boolean" }];

    protected override object? BindScalar(YamlScalar scalar, Place place, OptionAttribute limits, BindingContext context) =>
        YamlCore.TryBoolean(scalar, out var value) ? value : Wrong(scalar, place, context);
}

internal sealed class IntegerType(Type type, long min, long max) : ScalarType
{
    public override string Noun => "a whole number";

    // Digits with underscores are text to other YAML readers.
    protected override IEnumerable<JsonObject> Alternatives(OptionAttribute limits) =>
    [
        new()
        {
            ["type"] = "integer",
            ["minimum"] = limits.Min > min ? JsonValue.Create(limits.Min) : JsonValue.Create(min),
            ["maximum"] = limits.Max < max ? JsonValue.Create(limits.Max) : JsonValue.Create(max),
        },
        JsonSchemas.Pattern("^[-+]?[0-9]+(_[0-9]+)+$"),
    ];

    protected override object? BindScalar(YamlScalar scalar, Place place, OptionAttribute limits, BindingContext context)
    {
        if (!YamlCore.TryInteger(scalar, out var value))
        {
            return Wrong(scalar, place, context);
        }

        if (value < min || value > max)
        {
            context.Error(RecipeErrors.OutOfRange, scalar.Location, $"'{place.Name}' must be between {min} and {max} (was {value}{scalar.From})");
            return null;
        }

        // The text of the number itself, because a long does not fit into a double.
        return context.InRange((double)value, limits, scalar, place, number => number == (double)value ? value.ToString(CultureInfo.InvariantCulture) : NumberType.Format(number))
            ? Convert.ChangeType((long)value, type, CultureInfo.InvariantCulture)
            : null;
    }
}

internal sealed class NumberType : ScalarType
{
    public override string Noun => "a number";

    protected override IEnumerable<JsonObject> Alternatives(OptionAttribute limits) => [JsonSchemas.Number(limits)];

    public static string Format(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    protected override object? BindScalar(YamlScalar scalar, Place place, OptionAttribute limits, BindingContext context) =>
        !YamlCore.TryNumber(scalar, out var value) ? Wrong(scalar, place, context)
        : context.InRange(value, limits, scalar, place, Format) ? value
        : null;
}

internal sealed class TextType : ScalarType
{
    public override string Noun => "text";

    protected override IEnumerable<JsonObject> Alternatives(OptionAttribute limits) => [new() { ["type"] = "string" }];

    protected override object? BindScalar(YamlScalar scalar, Place place, OptionAttribute limits, BindingContext context) => Read(scalar, place, Noun, context);

    /// <summary>The text of a scalar; null when it is a number or a bool, which needs quotes.</summary>
    public static string? Read(YamlScalar scalar, Place place, string noun, BindingContext context)
    {
        if (YamlCore.IsText(scalar))
        {
            return scalar.Text;
        }

        context.Error(RecipeErrors.WrongType, scalar.Location, $"'{place.Name}' must be {noun}; put quotes around {scalar.Text}: \"{scalar.Text}\"{scalar.From}");
        return null;
    }
}
