using System.Text;
using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Stages;
using CompressTool.Recipes.Documentation;
using CompressTool.Recipes.Language;
using CompressTool.Recipes.Language.Binding;
using CompressTool.Recipes.Language.Yaml;
using CompressTool.Recipes.Tests.Language;

namespace CompressTool.Recipes.Tests.Documentation;

[TestClass]
public sealed class RecipeReferenceTests
{
    public static IEnumerable<object[]> Kinds =>
    [
        .. StageRegistry.All.Select(stage => new object[] { stage.Info.Kind, stage.OptionsType }),
        .. GateRegistry.All.Select(gate => new object[] { gate.Info.Kind, gate.OptionsType }),
        ["recipe", typeof(RecipeDocument)],
        ["output", typeof(OutputOptions)],
    ];

    [TestMethod]
    public void Example_of_every_stage_and_gate_is_a_valid_recipe()
    {
        var text = RecipeReference.Example(StageRegistry.All, GateRegistry.All);

        var result = RecipeLoader.Parse(Encoding.UTF8.GetBytes(text), TestRecipe.File);

        Assert.IsEmpty(result.Diagnostics, string.Join("\n", result.Diagnostics) + "\n" + text);
        Assert.HasCount(StageRegistry.All.Count, result.Recipe!.Stages);
        Assert.HasCount(GateRegistry.All.Count, result.Recipe.Gates);
    }

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void Example_of_every_option_is_a_value_that_it_takes(string kind, Type options) => CheckExamples(RecordType.Of(options), kind);

    [TestMethod]
    public void Kinds_are_unique_and_in_kebab_case()
    {
        CollectionAssert.AllItemsAreUnique(StageRegistry.All.Select(stage => stage.Info.Kind).ToArray());
        CollectionAssert.AllItemsAreUnique(GateRegistry.All.Select(gate => gate.Info.Kind).ToArray());
        foreach (var kind in StageRegistry.All.Select(stage => stage.Info.Kind).Concat(GateRegistry.All.Select(gate => gate.Info.Kind)))
        {
            StringAssert.Matches(kind, new("^[a-z][a-z0-9]*(-[a-z0-9]+)*$"));
        }
    }

    [TestMethod]
    public void Stage_page_lists_options_with_type_default_and_range()
    {
        var page = RecipeReference.Write([new AllStage()], [new LimitGate()])["all.md"];

        StringAssert.StartsWith(page, DocumentationWriter.Mark + "# Stage `all`\n\nTakes every type of option.\n");
        Assert.Contains("stages:\n  - all: { count: 20_000,", page, StringComparison.Ordinal);
        Assert.Contains("| `count` | a whole number, 1 to 100000 | `10` | A bounded whole number. Example: `20_000` |", page, StringComparison.Ordinal);
        Assert.Contains("| `share` | a share such as 50% or 0.5, 0% to 100% | `25%` |", page, StringComparison.Ordinal);
        Assert.Contains("| `target.macs` | a share such as 50% or 0.5, 0% to 100% | one of these |", page, StringComparison.Ordinal);
        Assert.Contains("| `parts[].name` | text | required |", page, StringComparison.Ordinal);
        Assert.Contains("| `sizes` | a whole number; or a list of these, at least 1 |", page, StringComparison.Ordinal);
        Assert.Contains("### Values of `criterion`", page, StringComparison.Ordinal);
        Assert.Contains("- `diff-taylor`: Taylor over time steps.", page, StringComparison.Ordinal);
    }

    [TestMethod]
    public void Overview_links_every_page()
    {
        var pages = RecipeReference.Write([new AllStage(), new NeedyStage()], [new LimitGate()]);

        CollectionAssert.AreEqual(new[] { "README.md", "all.md", "gates.md", "needy.md" }, pages.Keys.ToArray());
        Assert.Contains("(all.md)", pages["README.md"], StringComparison.Ordinal);
        Assert.Contains("(needy.md)", pages["README.md"], StringComparison.Ordinal);
        Assert.Contains("(gates.md#limit)", pages["README.md"], StringComparison.Ordinal);
        Assert.Contains("\n## limit\n", pages["gates.md"], StringComparison.Ordinal);
    }

    private static void CheckExamples(RecordType record, string path)
    {
        foreach (var key in record.Keys)
        {
            if (key.Option.Example is { } example)
            {
                var diagnostics = new DiagnosticList();
                var node = YamlReader.Read(SourceText.Decode(Encoding.UTF8.GetBytes(example), TestRecipe.File, diagnostics)!, diagnostics);
                var context = new BindingContext("shop", diagnostics, new PathRules(TestRecipe.File, null), StageRegistry.All, GateRegistry.All);
                // The top level's examples of stages and gates are checked as whole recipes.
                if (key.Type is not (StageListType or GateSetType))
                {
                    Assert.IsNotNull(key.Type.Bind(node!, new Place(key.Name, key.Name, node!.Location), key.Option, context), $"{path}.{key.Name}: {example}\n{string.Join("\n", diagnostics.ToSorted(TestRecipe.File))}");
                }
            }

            if ((key.Type as RecordType ?? (key.Type as ListType)?.Item as RecordType ?? (key.Type as MapType)?.Value as RecordType) is { } nested)
            {
                CheckExamples(nested, $"{path}.{key.Name}");
            }
        }
    }
}
