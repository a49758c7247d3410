using System.Text;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Language;

namespace CompressTool.Recipes.Tests.Language;

/// <summary>A recipe with one mistake: the text, with ▸ where the error must point to, the code and a part of the message.</summary>
public sealed record BadRecipe(string Name, ErrorCode Code, string Fragment, string Text)
{
    /// <summary>A recipe whose text begins below version and model.</summary>
    public static BadRecipe Below(string name, ErrorCode code, string fragment, string text) => new(name, code, fragment, "version: 1\nmodel: m.onnx\n" + text);

    /// <summary>A recipe with a single stage of kind <c>all</c> whose options are given.</summary>
    public static BadRecipe Options(string name, ErrorCode code, string fragment, string options) => Below(name, code, fragment, $"stages:\n  - all: {options}\n");

    /// <summary>Values from outside.</summary>
    public Dictionary<string, string> Set { get; init; } = [];

    /// <summary>Loads the recipe and checks that exactly the one error is reported, at its place.</summary>
    public void Check()
    {
        var marked = Text.IndexOf('▸');
        var result = RecipeLoader.Parse(Encoding.UTF8.GetBytes(Text.Replace("▸", "")), TestRecipe.File, TestRecipe.Options with { Variables = Set });

        var all = string.Join("\n", result.Diagnostics);
        Assert.IsNull(result.Recipe, Name);
        Assert.HasCount(1, result.Diagnostics, all);
        var diagnostic = result.Diagnostics[0];
        Assert.AreEqual(Code, diagnostic.Code, all);
        Assert.Contains(Fragment, diagnostic.Message, StringComparison.Ordinal);
        Assert.AreEqual(Place(marked), $"{diagnostic.Location.Line},{diagnostic.Location.Column}", all);
        var end = (diagnostic.Location.EndLine, diagnostic.Location.EndColumn);
        Assert.IsGreaterThanOrEqualTo(0, end.CompareTo((diagnostic.Location.Line, diagnostic.Location.Column)), "the end lies before the start");
    }

    public override string ToString() => $"{Code}: {Name}";

    /// <summary>Line and column of an index; the file as a whole when there is no mark.</summary>
    private string Place(int index)
    {
        if (index < 0)
        {
            return "0,0";
        }

        var before = Text[..index];
        return $"{before.Count(c => c == '\n') + 1},{index - before.LastIndexOf('\n')}";
    }
}
