using System.Text;
using CompressTool.Recipes.Language;

namespace CompressTool.Recipes.Tests.Language;

/// <summary>Loads recipes from text with the test stages.</summary>
internal static class TestRecipe
{
    public static RecipeLoadOptions Options { get; } = new() { Stages = [new AllStage(), new NeedyStage()], Gates = [new LimitGate()] };

    /// <summary>Where the recipes of the tests would be.</summary>
    public static string File { get; } = Path.GetFullPath(Path.Combine(Path.GetTempPath(), "project", "models", "shop.compress.yml"));

    public static RecipeLoadResult Load(string text, RecipeLoadOptions? options = null) => RecipeLoader.Parse(Encoding.UTF8.GetBytes(text), File, options ?? Options);

    /// <summary>Loads a recipe that must be valid.</summary>
    public static Recipe Valid(string text, RecipeLoadOptions? options = null)
    {
        var result = Load(text, options);
        Assert.IsEmpty(result.Diagnostics, string.Join("\n", result.Diagnostics));
        return result.Recipe!;
    }

    /// <summary>The options of a single stage of kind <c>all</c>, written in flow style.</summary>
    public static AllOptions All(string options) => (AllOptions)Valid($"version: 1\nmodel: m.onnx\nstages:\n  - all: {options}\n").Stages[0].Options.Value;
}
