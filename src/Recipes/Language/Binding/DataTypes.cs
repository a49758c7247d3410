using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Diffusion.Import;
using CompressTool.Recipes.Language.Yaml;

namespace CompressTool.Recipes.Language.Binding;

/// <summary>The model: an .onnx file or a diffusers folder.</summary>
internal sealed class ModelFileType : OptionType
{
    private static readonly OptionType s_path = Of(typeof(RecipePath));

    public override string Noun => "the path of an .onnx file or of a diffusers folder";

    public override JsonObject Schema(OptionAttribute limits, SchemaContext context) =>
        JsonSchemas.AnyOf(JsonSchemas.Pattern(@"^[^/\\]"), JsonSchemas.Variable());

    protected override object? BindValue(YamlNode node, Place place, OptionAttribute limits, BindingContext context)
    {
        if (s_path.Bind(node, place, limits, context) is not RecipePath path)
        {
            return null;
        }

        var isFolder = Directory.Exists(path.FullPath);
        if (!isFolder && path.Text.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase))
        {
            return new ModelFile(path, IsFolder: false);
        }

        if (isFolder || path.Text.Contains(DiffusersComponent.Separator) || Path.GetExtension(path.Text).Length == 0)
        {
            // The files that count are those in the folder.
            context.Files.RemoveAll(file => ReferenceEquals(file.Path, path));
            return new ModelFile(path, IsFolder: true);
        }

        context.Error(RecipeErrors.UnsupportedModel, node.Location, path.Text.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)
            ? $"{node.Describe()} has weights alone; name its folder, which has a config.json too"
            : $"{node.Describe()} is neither an .onnx file nor a folder; export the model to ONNX, or name its diffusers folder");
        return null;
    }
}

/// <summary>Given inputs: a mapping from input to .npy file, or one .safetensors file.</summary>
internal sealed class InputFilesType : OptionType
{
    private static readonly OptionType s_path = Of(typeof(RecipePath));

    public override string Noun => "a .npy file for each input, or one .safetensors file";

    public override JsonObject Schema(OptionAttribute limits, SchemaContext context)
    {
        var file = JsonSchemas.AnyOf(JsonSchemas.Pattern(@"\.[nN][pP][yY]$"), JsonSchemas.Variable());
        return JsonSchemas.AnyOf(
            new JsonObject { ["type"] = "object", ["minProperties"] = 1, ["additionalProperties"] = file },
            JsonSchemas.Pattern(@"\.[sS][aA][fF][eE][tT][eE][nN][sS][oO][rR][sS]$"),
            JsonSchemas.Variable());
    }

    protected override object? BindValue(YamlNode node, Place place, OptionAttribute limits, BindingContext context)
    {
        if (node is YamlScalar)
        {
            return BindFile(node, place, ".safetensors", limits, context) is { } file ? new InputFiles(new Dictionary<string, RecipePath>(), file) : null;
        }

        if (node is not YamlMapping { Entries.Count: > 0 } mapping)
        {
            context.WrongType(node, place, Noun);
            return null;
        }

        var files = new Dictionary<string, RecipePath>(StringComparer.Ordinal);
        foreach (var entry in mapping.Entries)
        {
            var input = place.Key(entry.Key.Text, entry.Key.Location);
            context.Positions[input.Path] = entry.ValueLocation;
            if (BindFile(entry.Value, input, ".npy", limits, context) is { } file)
            {
                files.Add(entry.Key.Text, file);
            }
        }

        return files.Count == mapping.Entries.Count ? new InputFiles(files, null) : null;
    }

    private static RecipePath? BindFile(YamlNode node, Place place, string extension, OptionAttribute limits, BindingContext context)
    {
        var path = (RecipePath?)s_path.Bind(node, place, limits, context);
        if (path is null || path.Text.EndsWith(extension, StringComparison.OrdinalIgnoreCase))
        {
            return path;
        }

        context.Error(RecipeErrors.UnsupportedInputFile, node.Location,
            $"{node.Describe()} is not a {extension} file; write one .npy file for each input (inputs: {{ sample: data/sample.npy }}) or one .safetensors file for all");
        return null;
    }
}

/// <summary>The variables; they have been read and put in before anything is bound (see <see cref="Language.Variables"/>).</summary>
internal sealed class VariableSetType : OptionType
{
    public override string Noun => "a mapping from names to values";

    public override JsonObject Schema(OptionAttribute limits, SchemaContext context) => new()
    {
        ["type"] = "object",
        ["propertyNames"] = JsonSchemas.Pattern($"^{Variables.NameSyntax}$"),
        ["additionalProperties"] = new JsonObject { ["type"] = new JsonArray("string", "number", "boolean", "null") },
    };

    protected override object? BindValue(YamlNode node, Place place, OptionAttribute limits, BindingContext context) =>
        new VariableSet(new Dictionary<string, string>());
}
