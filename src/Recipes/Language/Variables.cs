using System.Text;
using System.Text.RegularExpressions;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Language.Yaml;

namespace CompressTool.Recipes.Language;

/// <summary>
/// The variables of a recipe: declared with a value under <c>variables:</c>, overridden from outside, used as
/// <c>${name}</c> in any value. They are put in before binding, so that every option takes them. There are no expressions,
/// and a variable's value is taken as it is.
/// </summary>
internal sealed partial class Variables
{
    private readonly SourceText _source;
    private readonly DiagnosticList _diagnostics;
    private readonly Dictionary<string, Variable> _byName = new(StringComparer.Ordinal);

    private Variables(SourceText source, DiagnosticList diagnostics)
    {
        _source = source;
        _diagnostics = diagnostics;
    }

    /// <summary>The values by name.</summary>
    public IReadOnlyDictionary<string, string> Values =>
        _byName.Where(item => item.Value.Value is not null).ToDictionary(item => item.Key, item => item.Value.Value!.Text);

    /// <summary>Puts the variables of a recipe in.</summary>
    /// <param name="root">The recipe.</param>
    /// <param name="overrides">Values from outside, by name.</param>
    /// <param name="source">The recipe's text.</param>
    /// <param name="diagnostics">Receives errors.</param>
    /// <param name="variables">The variables.</param>
    /// <returns>The recipe without variables.</returns>
    public static YamlMapping Resolve(YamlMapping root, IReadOnlyDictionary<string, string> overrides, SourceText source, DiagnosticList diagnostics, out Variables variables)
    {
        variables = new Variables(source, diagnostics);
        var declaration = root.Find("variables");
        if (declaration is not null)
        {
            variables.Declare(declaration);
        }

        variables.Override(overrides);
        var resolved = variables.ReplaceBelow(root, declaration);
        variables.ReportUnused();
        return resolved;
    }

    private void Declare(YamlEntry declaration)
    {
        if (declaration.Value is not YamlMapping mapping)
        {
            if (declaration.Value is not (YamlUnknown or YamlScalar { IsNull: true }))
            {
                _diagnostics.Error(RecipeErrors.WrongType, declaration.Value.Location, $"'variables' must be a mapping from names to values, not {declaration.Value.Describe()}");
            }

            return;
        }

        foreach (var (key, node) in mapping.Entries)
        {
            var value = node as YamlScalar;
            if (!NamePattern().IsMatch(key.Text))
            {
                Invalid(key.Location, $"{key.Describe()} is not a name for a variable; use letters, digits, _, - and ., and begin with a letter");
                continue;
            }

            if (value is null && node is not YamlUnknown)
            {
                Invalid(node.Location, $"variable '{key.Text}' must have a single value, not {node.Describe()}");
            }
            else if (value is not null && UsePattern().Matches(value.Text).Any(use => use.Value != Escape))
            {
                Invalid(node.Location, $"variable '{key.Text}' uses another variable; variables take plain values only");
                value = null;
            }

            _byName[key.Text] = new Variable(key, value is null ? null : value with { Text = value.Text.Replace(Escape, "${") });
        }
    }

    private void Override(IReadOnlyDictionary<string, string> overrides)
    {
        foreach (var (name, text) in overrides.OrderBy(item => item.Key, StringComparer.Ordinal))
        {
            if (_byName.TryGetValue(name, out var variable))
            {
                _byName[name] = variable with { Value = new YamlScalar(text, true, variable.Key.Location) };
            }
            else
            {
                var hint = _byName.Count == 0 ? "; it declares none" : NearestName.Hint(name, _byName.Keys);
                _diagnostics.Error(RecipeErrors.UnknownOverride, new SourceLocation(_source.File), $"the recipe declares no variable {Words.Quote(name)}{hint}");
            }
        }

        foreach (var (name, variable) in _byName.Where(item => item.Value.Value is { IsNull: true }))
        {
            Invalid(variable.Key.Location, $"variable '{name}' has no value; give it one, here or with --set {name}=VALUE");
        }
    }

    private void ReportUnused()
    {
        foreach (var (name, variable) in _byName.Where(item => !item.Value.IsUsed))
        {
            _diagnostics.Error(RecipeErrors.UnusedVariable, variable.Key.Location, $"variable '{name}' is not used; write ${{{name}}} where it belongs, or remove it");
        }
    }

    private YamlNode Replace(YamlNode node) => node switch
    {
        YamlScalar scalar => Replace(scalar),
        YamlSequence sequence => sequence with { Items = [.. sequence.Items.Select(Replace)] },
        YamlMapping mapping => ReplaceBelow(mapping, except: null),
        _ => node,
    };

    private YamlMapping ReplaceBelow(YamlMapping mapping, YamlEntry? except) =>
        mapping with { Entries = [.. mapping.Entries.Select(entry => entry == except ? entry : entry with { Value = Replace(entry.Value) })] };

    private YamlNode Replace(YamlScalar scalar)
    {
        if (!scalar.Text.Contains("${", StringComparison.Ordinal))
        {
            return scalar;
        }

        // A variable alone is replaced with its type, quotes or not: inside { } and [ ] YAML demands them.
        var whole = UsePattern().Match(scalar.Text);
        if (whole.Length == scalar.Text.Length && whole.Value != Escape)
        {
            return Use(whole, scalar) is { } value ? scalar with { Text = value.Text, IsPlain = value.IsPlain, Variable = whole.Groups["name"].Value } : new YamlUnknown(scalar.Location);
        }

        var text = new StringBuilder();
        var (end, valid) = (0, true);
        foreach (Match use in UsePattern().Matches(scalar.Text))
        {
            text.Append(scalar.Text, end, use.Index - end);
            end = use.Index + use.Length;
            var value = use.Value == Escape ? "${" : Use(use, scalar)?.Text;
            valid &= value is not null;
            text.Append(value);
        }

        text.Append(scalar.Text, end, scalar.Text.Length - end);
        return valid ? scalar with { Text = text.ToString() } : new YamlUnknown(scalar.Location);
    }

    /// <summary>The value of a variable where it is used; null when there is none.</summary>
    private YamlScalar? Use(Match use, YamlScalar scalar)
    {
        var location = _source.Find(use.Value, scalar.Location);
        var name = use.Groups["name"].Value;
        if (!NamePattern().IsMatch(name) || !use.Value.EndsWith('}'))
        {
            Invalid(location, $"{Words.Quote(use.Value)} is not a variable; write ${{name}}, or $${{ for a literal ${{");
            return null;
        }

        if (!_byName.TryGetValue(name, out var variable))
        {
            var hint = _byName.Count == 0 ? "; declare it under variables:" : NearestName.Hint(name, _byName.Keys);
            _diagnostics.Error(RecipeErrors.UndefinedVariable, location, $"variable '{name}' is not declared{hint}");
            return null;
        }

        variable.IsUsed = true;
        return variable.Value is { IsNull: false } ? variable.Value : null;
    }

    private void Invalid(SourceLocation location, string message) => _diagnostics.Error(RecipeErrors.InvalidVariable, location, message);

    /// <summary>The names that variables can have, as a regular expression.</summary>
    public const string NameSyntax = "[A-Za-z_][A-Za-z0-9_.-]*";

    private const string Escape = "$${";

    [GeneratedRegex(@"\A" + NameSyntax + @"\z")]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"\$\$\{|\$\{(?<name>[^}]*)\}?")]
    private static partial Regex UsePattern();

    private sealed record Variable(YamlScalar Key, YamlScalar? Value)
    {
        public bool IsUsed { get; set; }
    }
}
