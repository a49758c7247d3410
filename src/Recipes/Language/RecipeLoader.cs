using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Language.Binding;
using CompressTool.Recipes.Language.Yaml;

namespace CompressTool.Recipes.Language;

/// <summary>What the reading of a recipe depends on besides the recipe.</summary>
public sealed record RecipeLoadOptions
{
    /// <summary>Values for the recipe's variables, from <c>--set</c> and MSBuild properties.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = new Dictionary<string, string>();

    /// <summary>The folder that the recipe's paths must not leave; null is the recipe's own. See <see cref="RecipeLoader.FindProjectFolder"/>.</summary>
    public string? ProjectFolder { get; init; }

    /// <summary>The kinds of stages.</summary>
    public IReadOnlyList<IStage> Stages { get; init; } = StageRegistry.All;

    /// <summary>The kinds of gates.</summary>
    public IReadOnlyList<IGate> Gates { get; init; } = GateRegistry.All;
}

/// <summary>A recipe, or what is wrong with it.</summary>
/// <param name="Recipe">The recipe; null when there is any error.</param>
/// <param name="Diagnostics">Everything that is wrong, by place.</param>
public sealed record RecipeLoadResult(Recipe? Recipe, IReadOnlyList<Diagnostic> Diagnostics);

/// <summary>Reads recipes. What is wrong with the text is reported in the result, all of it in one go, never thrown.</summary>
public static class RecipeLoader
{
    private static readonly string[] s_suffixes = [".compress.yml", ".compress.yaml", ".yml", ".yaml"];
    private static readonly OptionAttribute s_noLimits = new("");

    /// <summary>Reads a recipe from its file.</summary>
    /// <param name="path">The recipe's path.</param>
    /// <param name="options">Variables, project folder, registries.</param>
    public static RecipeLoadResult Load(string path, RecipeLoadOptions? options = null)
    {
        var file = Path.GetFullPath(path);
        var diagnostics = new DiagnosticList();
        return Load(SourceText.Read(file, diagnostics), file, options ?? new RecipeLoadOptions(), diagnostics);
    }

    /// <summary>Reads a recipe from memory.</summary>
    /// <param name="content">The recipe in UTF-8.</param>
    /// <param name="path">The path it would have.</param>
    /// <param name="options">Variables, project folder, registries.</param>
    public static RecipeLoadResult Parse(ReadOnlySpan<byte> content, string path, RecipeLoadOptions? options = null)
    {
        var file = Path.GetFullPath(path);
        var diagnostics = new DiagnosticList();
        return Load(SourceText.Decode(content, file, diagnostics), file, options ?? new RecipeLoadOptions(), diagnostics);
    }

    /// <summary>The folder of the project that a recipe belongs to: the nearest one upwards with a project, a solution or a repository; else the recipe's.</summary>
    /// <param name="recipePath">The recipe's path.</param>
    public static string FindProjectFolder(string recipePath)
    {
        var own = Path.GetDirectoryName(Path.GetFullPath(recipePath))!;
        for (var folder = new DirectoryInfo(own); folder is not null; folder = folder.Parent)
        {
            if (folder.Exists && folder.EnumerateFileSystemInfos().Any(item => item.Name == ".git" || item.Extension is ".csproj" or ".fsproj" or ".vbproj" or ".sln" or ".slnx"))
            {
                return folder.FullName;
            }
        }

        return own;
    }

    /// <summary>The recipe's name: the file name without <c>.compress.yml</c>, <c>.compress.yaml</c>, <c>.yml</c> or <c>.yaml</c>.</summary>
    /// <param name="recipePath">The recipe's path.</param>
    public static string NameOf(string recipePath)
    {
        var name = Path.GetFileName(recipePath);
        var suffix = s_suffixes.FirstOrDefault(suffix => name.EndsWith(suffix, StringComparison.OrdinalIgnoreCase) && name.Length > suffix.Length);
        return suffix is null ? name : name[..^suffix.Length];
    }

    private static RecipeLoadResult Load(SourceText? source, string file, RecipeLoadOptions options, DiagnosticList diagnostics)
    {
        var root = source is null ? null : YamlReader.Read(source, diagnostics);
        var recipe = root is null ? null : Bind(root, source!, options, diagnostics);
        return new RecipeLoadResult(diagnostics.ErrorCount == 0 ? recipe : null, diagnostics.ToSorted(file));
    }

    private static Recipe? Bind(YamlNode root, SourceText source, RecipeLoadOptions options, DiagnosticList diagnostics)
    {
        if (root is not YamlMapping written)
        {
            diagnostics.Error(RecipeErrors.WrongType, root.Location, $"a recipe is a mapping with version, model and stages, not {root.Describe()}");
            return null;
        }

        // Another version has other rules: nothing else can be said about it.
        if (written.Find("version")?.Value is YamlScalar version && YamlCore.TryInteger(version, out var number) && number != RecipeDocument.CurrentVersion)
        {
            diagnostics.Error(RecipeErrors.UnsupportedVersion, version.Location, $"version {number} is not known; this tool reads version {RecipeDocument.CurrentVersion}{(number > RecipeDocument.CurrentVersion ? "; update the tool" : "")}");
            return null;
        }

        var resolved = Variables.Resolve(written, options.Variables, source, diagnostics, out var variables);
        var context = new BindingContext(NameOf(source.File), diagnostics, new PathRules(source.File, options.ProjectFolder), options.Stages, options.Gates);
        var start = root.Location with { EndLine = root.Location.Line, EndColumn = root.Location.Column + 1 };
        var document = (RecipeDocument?)RecordType.Of(typeof(RecipeDocument)).Bind(resolved, new Place("", "", start), s_noLimits, context);
        var positions = new BoundOptions(document ?? new RecipeDocument(), context.Positions, new SourceLocation(source.File));
        return document is null ? null : new Recipe
        {
            Name = context.RecipeName,
            Path = source.File,
            Model = document.Model!.Path,
            ModelIsFolder = document.Model.IsFolder,
            Seed = document.Seed,
            Inputs = document.Data.Inputs,
            Variables = variables.Values,
            Stages = document.Stages,
            Gates = document.Gates,
            Outputs = OutputListType.WithModel(document.Outputs, context.RecipeName, positions.Location),
            Report = document.Report,
            Files = context.Files,
            FileSets = context.FileSets,
            Positions = positions,
        };
    }
}
