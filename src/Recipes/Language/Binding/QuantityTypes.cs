using System.Globalization;
using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Recipes.Language.Yaml;

namespace CompressTool.Recipes.Language.Binding;

internal sealed class FractionType : ScalarType
{
    public override string Noun => "a share such as 50% or 0.5";

    protected override IEnumerable<JsonObject> Alternatives(OptionAttribute limits) => [JsonSchemas.Number(limits), JsonSchemas.Pattern(JsonSchemas.NumberPattern + " *%$")];

    protected override object? BindScalar(YamlScalar scalar, Place place, OptionAttribute limits, BindingContext context) =>
        !Fraction.TryParse(scalar.Text, out var value) ? Wrong(scalar, place, context)
        : context.InRange(value.Value, limits, scalar, place, number => new Fraction(number).ToString(), Advice(scalar.Text, value)) ? value
        : null;

    private static string Advice(string text, Fraction value) =>
        value.Value is > 1 and <= 100 && !text.Contains('%') ? $"; did you mean {value.Value.ToString(CultureInfo.InvariantCulture)}%?" : "";
}

internal sealed class ByteSizeType : ScalarType
{
    public override string Noun => "a size such as 500 MB or 4096";

    protected override IEnumerable<JsonObject> Alternatives(OptionAttribute limits) =>
        [JsonSchemas.Number(new OptionAttribute("") { Min = Math.Max(0, limits.Min), Max = limits.Max }), JsonSchemas.Pattern(JsonSchemas.SizePattern)];

    protected override object? BindScalar(YamlScalar scalar, Place place, OptionAttribute limits, BindingContext context) =>
        !ByteSize.TryParse(scalar.Text, out var value) ? Wrong(scalar, place, context)
        : context.InRange(value.Bytes, limits, scalar, place, number => new ByteSize((long)number).ToString()) ? value
        : null;
}

internal sealed class SizeLimitType : ScalarType
{
    public override string Noun => "a share such as 25% or a size such as 10 MB";

    protected override IEnumerable<JsonObject> Alternatives(OptionAttribute limits) =>
        [JsonSchemas.Number(new OptionAttribute("") { Min = 2 }), JsonSchemas.Pattern(JsonSchemas.SizePattern), JsonSchemas.Pattern("^[+]?[0-9.]+ *%$")];

    protected override object? BindScalar(YamlScalar scalar, Place place, OptionAttribute limits, BindingContext context) =>
        SizeLimit.TryParse(scalar.Text, out var value) ? value : Wrong(scalar, place, context);
}
