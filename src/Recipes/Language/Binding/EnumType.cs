using System.Reflection;
using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Language.Yaml;

namespace CompressTool.Recipes.Language.Binding;

/// <summary>A word out of a closed set: an enum, its members in kebab-case or as <see cref="OptionNameAttribute"/> says.</summary>
internal sealed class EnumType(Type type) : ScalarType
{
    private readonly Member[] _members =
    [
        .. type.GetFields(BindingFlags.Public | BindingFlags.Static).Select(field =>
        {
            var named = field.GetCustomAttribute<OptionNameAttribute>();
            return new Member(OptionNames.Of((Enum)field.GetValue(null)!), field.GetValue(null)!, named?.Description);
        }),
    ];

    public override string Noun => "one of " + string.Join(", ", _members.Select(member => member.Name));

    /// <summary>The members in the order of declaration.</summary>
    public IReadOnlyList<Member> Members => _members;

    /// <summary>The name of a member.</summary>
    public string NameOf(object value) => _members.First(member => member.Value.Equals(value)).Name;

    protected override IEnumerable<JsonObject> Alternatives(OptionAttribute limits) =>
        [new() { ["enum"] = new JsonArray([.. _members.Select(member => JsonValue.Create(member.Name))]) }];

    protected override object? BindScalar(YamlScalar scalar, Place place, OptionAttribute limits, BindingContext context)
    {
        var member = Array.Find(_members, member => member.Name == scalar.Text);
        if (member is null)
        {
            var hint = NearestName.Hint(scalar.Text, [.. _members.Select(member => member.Name)]);
            context.Error(RecipeErrors.UnknownValue, scalar.Location, $"unknown {place.Name} {scalar.Describe()}{hint}");
        }

        return member?.Value;
    }

    /// <summary>A member as written in a recipe.</summary>
    internal sealed record Member(string Name, object Value, string? Description);
}
