using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Recipes.Language.Yaml;

namespace CompressTool.Recipes.Language.Binding;

/// <summary>Something in files, named relative to the recipe.</summary>
internal abstract class PathScalarType : ScalarType
{
    protected override IEnumerable<JsonObject> Alternatives(OptionAttribute limits) => [JsonSchemas.Pattern(@"^[^/\\]")];

    protected override object? BindScalar(YamlScalar scalar, Place place, OptionAttribute limits, BindingContext context)
    {
        if (TextType.Read(scalar, place, Noun, context) is not { } text)
        {
            return null;
        }

        if (context.Paths.Problem(text, out var fullPath) is var (code, message))
        {
            context.Error(code, scalar.Location, $"{scalar.Describe()} {message}");
            return null;
        }

        return Bind(text, fullPath, scalar, context);
    }

    /// <summary>Makes the value and tells the context which files it stands for.</summary>
    protected abstract object Bind(string text, string fullPath, YamlScalar scalar, BindingContext context);
}

/// <summary>A file, named relative to the recipe.</summary>
internal sealed class PathType : PathScalarType
{
    public override string Noun => "a path relative to the recipe";

    protected override object Bind(string text, string fullPath, YamlScalar scalar, BindingContext context)
    {
        var path = new RecipePath(text, fullPath);
        context.Files.Add(new RecipeFile(path, scalar.Location));
        return path;
    }
}

/// <summary>Files, named relative to the recipe by a file, a folder or a pattern.</summary>
internal sealed class FilesType : PathScalarType
{
    public override string Noun => "a file, a folder or a pattern such as train/*.png, relative to the recipe";

    protected override object Bind(string text, string fullPath, YamlScalar scalar, BindingContext context)
    {
        var files = new RecipeFiles(text, fullPath);
        context.FileSets.Add(files);
        return files;
    }
}
