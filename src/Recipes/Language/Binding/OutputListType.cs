using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Language.Yaml;

namespace CompressTool.Recipes.Language.Binding;

/// <summary>The outputs of a recipe and the rules for their names.</summary>
internal sealed class OutputListType : OptionType
{
    private const string Extension = ".onnx";

    private static readonly string[] s_files = [Extension, ".json", ".data", ".html"];

    private static readonly OptionType s_written = Of(typeof(IReadOnlyList<OutputOptions>));

    // What Windows refuses in file names; a recipe works on every system.
    private static readonly System.Buffers.SearchValues<char> s_refused = System.Buffers.SearchValues.Create("<>:\"/\\|?*");

    public override string Noun => "a list of outputs";

    /// <summary>An output as written.</summary>
    public static RecordType Item => RecordType.Of(typeof(OutputOptions));

    public override JsonObject Schema(OptionAttribute limits, SchemaContext context) => s_written.Schema(limits, context);

    /// <summary>The outputs with at least one model, which comes first: it is what the application loads.</summary>
    public static IReadOnlyList<RecipeOutput> WithModel(IReadOnlyList<RecipeOutput> outputs, string recipe, SourceLocation location)
    {
        var models = outputs.Where(output => output.Format == OutputFormat.Onnx).ToList();
        return [.. models.Count > 0 ? models : [new RecipeOutput(OutputFormat.Onnx, recipe + Extension, location)], .. outputs.Where(output => output.Format != OutputFormat.Onnx)];
    }

    protected override object? BindValue(YamlNode node, Place place, OptionAttribute limits, BindingContext context)
    {
        if (s_written.Bind(node, place, limits, context) is not IReadOnlyList<OutputOptions> written)
        {
            return null;
        }

        var outputs = new List<RecipeOutput>();
        var names = new Dictionary<string, SourceLocation>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < written.Count; i++)
        {
            var item = $"{place.Path}[{i}]";
            var location = context.Positions.TryGetValue(item + ".name", out var named) ? named : context.Positions[item];
            var isFolder = written[i].Format == OutputFormat.Diffusers;
            var name = written[i].Name ?? (isFolder ? context.RecipeName : context.RecipeName + Extension);
            if (Problem(name, isFolder) is { } problem)
            {
                context.Error(RecipeErrors.InvalidOutputName, location, $"{Words.Quote(name)} {problem}");
            }
            else if (!names.TryAdd(name, location))
            {
                context.Error(RecipeErrors.DuplicateOutput, location, $"an output named {Words.Quote(name)} is already at line {names[name].Line}; give it another name");
            }

            outputs.Add(new RecipeOutput(written[i].Format, name, location));
        }

        return outputs;
    }

    private static string? Problem(string name, bool isFolder) =>
        name.Contains('/') || name.Contains('\\') ? "names a folder; write the file name alone, the project decides the folder"
        : name.AsSpan().ContainsAny(s_refused) || name.Any(char.IsControl) || name.Trim() != name ? "is not a file name on every system"
        : isFolder ? name.Length == 0 || name.EndsWith('.') ? "is not a folder name on every system"
            : s_files.Any(extension => name.EndsWith(extension, StringComparison.OrdinalIgnoreCase)) ? $"is the name of a file; write a folder name, e.g. {Path.GetFileNameWithoutExtension(name)}"
            : null
        : !name.EndsWith(Extension, StringComparison.OrdinalIgnoreCase) || name.Length == Extension.Length ? $"must end with {Extension}, e.g. {(name.Length is 0 or > 50 ? "shop" : Path.GetFileNameWithoutExtension(name))}{Extension}"
        : null;
}
