using System.Text;
using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Stages;
using CompressTool.Recipes.Language;
using CompressTool.Recipes.Language.Binding;

namespace CompressTool.Recipes.Documentation;

/// <summary>The recipe reference: a page about the language, one for each kind of stage, one for the gates.</summary>
public static class RecipeReference
{
    /// <summary>Writes the pages into a folder.</summary>
    /// <param name="folder">The folder, e.g. docs/recipes.</param>
    public static void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var (name, text) in Write(StageRegistry.All, GateRegistry.All))
        {
            File.WriteAllText(Path.Combine(folder, name), text);
        }
    }

    /// <summary>The pages by file name.</summary>
    internal static IReadOnlyDictionary<string, string> Write(IReadOnlyList<IStage> stages, IReadOnlyList<IGate> gates)
    {
        var pages = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["README.md"] = Overview(stages, gates),
            ["gates.md"] = Gates(gates),
        };
        foreach (var stage in stages)
        {
            pages.Add(stage.Info.Kind + ".md", StagePage(stage));
        }

        return pages;
    }

    /// <summary>A whole recipe made of the examples of stages and gates.</summary>
    internal static string Example(IReadOnlyList<IStage> stages, IReadOnlyList<IGate> gates)
    {
        var text = new StringBuilder("version: 1\nmodel: models/unet.onnx        # relative to this file\nstages:\n");
        foreach (var stage in stages)
        {
            text.Append(Markdown.Indent(stage.Info.Example, "  - ", "    ")).Append('\n');
        }

        text.Append(gates.Count == 0 ? "" : "gates:\n");
        foreach (var gate in gates)
        {
            text.Append(Markdown.Indent(gate.Info.Example, "  ", "  ")).Append('\n');
        }

        return text.ToString();
    }

    private static string Overview(IReadOnlyList<IStage> stages, IReadOnlyList<IGate> gates)
    {
        var text = new StringBuilder(DocumentationWriter.Mark);
        text.Append(null, $$"""
            # The recipe language

            A recipe is a YAML file, by convention `NAME.compress.yml`. It names a model, the stages that are done to it in order, and the
            gates that the result must pass:

            ```yaml
            {{Example([.. stages.Take(2)], [.. gates.Take(2)])}}```

            `dotnet compress run NAME.compress.yml` runs it, `dotnet compress plan NAME.compress.yml` says what would be done, and in a project
            file `<CompressRecipe Include="NAME.compress.yml" />` makes it part of the build. Editors complete and check recipes with the
            [schema](compress.schema.json) that `dotnet compress schema` prints: `# yaml-language-server: $schema=PATH` as the recipe's first
            line tells them where it is.

            ## Keys


            """);
        OptionTable.Write(RecordType.Of(typeof(RecipeDocument)), text);
        text.Append(Rules);
        text.Append("\n## Stages\n\n");
        foreach (var stage in stages)
        {
            text.Append(null, $"- [`{stage.Info.Kind}`]({stage.Info.Kind}.md): {Markdown.FirstSentence(stage.Info.Description)}\n");
        }

        text.Append("\n## Gates\n\n");
        foreach (var gate in gates)
        {
            text.Append(null, $"- [`{gate.Info.Kind}`](gates.md#{gate.Info.Kind}): {Markdown.FirstSentence(gate.Info.Description)}\n");
        }

        return text.ToString();
    }

    private static string StagePage(IStage stage)
    {
        var text = new StringBuilder(DocumentationWriter.Mark);
        text.Append(null, $"""
            # Stage `{stage.Info.Kind}`

            {stage.Info.Description}

            ```yaml
            stages:
            {Markdown.Indent(stage.Info.Example, "  - ", "    ")}
            ```

            ## Options


            """);
        OptionTable.Write(RecordType.Of(stage.OptionsType), text);
        return text.ToString();
    }

    private static string Gates(IReadOnlyList<IGate> gates)
    {
        var text = new StringBuilder(DocumentationWriter.Mark);
        text.Append("""
            # Gates

            Gates are checks on the finished model, against the model that the recipe started from. One that does not pass is an error at its
            line in the recipe and fails the build, as a failed test would.

            """);
        foreach (var gate in gates)
        {
            text.Append(null, $"""

                ## {gate.Info.Kind}

                {gate.Info.Description}

                ```yaml
                gates:
                {Markdown.Indent(gate.Info.Example, "  ", "  ")}
                ```


                """);
            OptionTable.Write(RecordType.Of(gate.OptionsType), text);
        }

        return text.ToString();
    }

    private const string Rules = """

        ## Rules

        **Strict.** An unknown key, a value of the wrong type or out of range, a pattern that matches no layer, a stage without effect and an
        unused variable are errors. All errors of a file are reported in one go, each at its line and column with a code
        ([errors](../errors.md)).

        **Values.** Types are those of YAML 1.2: `true` and `false` only, quotes make text, `yes` is text. Whole numbers may have
        underscores (`20_000`), `0x` or `0o`. Shares are written `50%` or `0.5`, sizes `500 MB` (powers of 1000) or `64 MiB` (of 1024).
        A list of one item may be written as the item. Text that begins with `*`, such as a pattern, needs quotes: `"*.conv_out"`.

        **YAML.** One document of at most 1 MB in UTF-8, indented with spaces. Anchors, aliases, tags and merge keys are not part of the
        language; variables do their work.

        **Paths** are relative to the recipe, with forward slashes on every system, and do not leave the project: the nearest folder
        upwards with a project, a solution or a repository, else the recipe's own. The content of every file that a recipe names takes
        part in the keys of the stages that read it, its date does not.

        **Variables** are declared with a value and used as `${name}` in any value; `--set name=value` and the MSBuild property
        `CompressVariables` override them. A variable alone in a value has its type, as if its text stood there; inside `{ }` and `[ ]`
        YAML demands quotes around it: `{ sparsity: "${share}" }`. `$${` is a literal `${`. There are no expressions, and a variable cannot
        use another one. A variable without value must be given from outside.

        **Layers** are selected the same way in all stages: `layers: { include: [...], exclude: [...] }`. A pattern is a name glob (`*` any
        text, `?` one character), tried on the names of the node and of its weight, or `op:TYPE`. All layers are taken when include is
        left out; exclude wins.

        **Reproducible.** The same recipe, model, seed and tool give the same bytes on the same class of machine.

        """;
}
