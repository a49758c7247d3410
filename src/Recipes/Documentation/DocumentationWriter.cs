using System.Reflection;
using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Stages;

namespace CompressTool.Recipes.Documentation;

/// <summary>
/// Writes the generated pages of the documentation: docs/recipes (the recipe reference and the JSON schema) and docs/errors.md. They are checked
/// in, and a test compares them with what this class writes.
/// </summary>
public static class DocumentationWriter
{
    /// <summary>The first line of every generated page.</summary>
    internal const string Mark = "<!-- Generated from the options records and error codes by `dotnet run --project src/Tool -- docs`; do not edit. -->\n\n";

    /// <summary>The pages by path relative to the repository's root, with forward slashes.</summary>
    /// <param name="roots">Assemblies that, with those they refer to, declare error codes: the tool's.</param>
    public static IReadOnlyDictionary<string, string> Generate(params IEnumerable<Assembly> roots)
    {
        var pages = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["docs/errors.md"] = ErrorReference.Write(roots.Append(typeof(DocumentationWriter).Assembly)),
            ["docs/recipes/compress.schema.json"] = RecipeSchema.Write(),
        };
        foreach (var (name, text) in RecipeReference.Write(StageRegistry.All, GateRegistry.All))
        {
            pages.Add("docs/recipes/" + name, text);
        }

        return pages;
    }

    /// <summary>Writes the pages and deletes generated ones that are no longer needed.</summary>
    /// <param name="root">The repository's root.</param>
    /// <param name="roots">Assemblies that declare error codes: the tool's.</param>
    public static void WriteAll(string root, params IEnumerable<Assembly> roots)
    {
        var pages = Generate(roots);
        foreach (var stale in StalePages(root, pages.Keys))
        {
            File.Delete(Path.Combine(root, stale));
        }

        foreach (var (path, text) in pages)
        {
            var file = Path.Combine(root, path);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, text);
        }
    }

    /// <summary>Generated pages below docs that are no longer written, relative to the repository's root.</summary>
    public static IReadOnlyList<string> StalePages(string root, IEnumerable<string> written)
    {
        var docs = Path.Combine(root, "docs");
        return !Directory.Exists(docs) ? [] :
        [
            .. Directory.EnumerateFiles(docs, "*.md", SearchOption.AllDirectories)
                .Where(file => File.ReadAllText(file).StartsWith(Mark, StringComparison.Ordinal))
                .Select(file => Path.GetRelativePath(root, file).Replace('\\', '/'))
                .Except(written)
                .Order(StringComparer.Ordinal),
        ];
    }
}
