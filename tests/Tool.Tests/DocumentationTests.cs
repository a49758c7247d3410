using System.Reflection;
using System.Text.RegularExpressions;
using CompressTool.Recipes.Documentation;

namespace CompressTool.Tool.Tests;

/// <summary>The generated pages of the documentation are those that the program would write now.</summary>
[TestClass]
public sealed partial class DocumentationTests
{
    private const string HowTo = "Regenerate the documentation with: dotnet run --project src/Tool -- docs (or run this test with UPDATE_DOCS=1), and commit it.";

    // Only the tool knows all error codes.
    private static readonly Assembly s_tool = Assembly.Load("dotnet-compress");

    [TestMethod]
    public void Generated_pages_are_current()
    {
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
        {
            DocumentationWriter.WriteAll(Repository.Root, s_tool);
        }

        var pages = DocumentationWriter.Generate(s_tool);
        var old = pages.Where(page => Read(page.Key) != page.Value).Select(page => page.Key).ToArray();

        Assert.IsEmpty(old, $"{string.Join(", ", old)}: not current. {HowTo}");
        Assert.IsEmpty(DocumentationWriter.StalePages(Repository.Root, pages.Keys), $"Pages of stages that are gone. {HowTo}");
    }

    [TestMethod]
    public void Every_code_of_the_build_is_in_the_reference()
    {
        var sources = Directory.EnumerateFiles(Path.Combine(Repository.Root, "src", "Tasks"), "*", SearchOption.AllDirectories)
            .Where(file => Path.GetExtension(file) is ".cs" or ".targets" or ".props" or ".proj")
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));
        // CMP0000 stands for no code inside the tasks and is never shown.
        var used = sources.SelectMany(file => Code().Matches(File.ReadAllText(file)).Select(match => match.Value)).Distinct().Except(["CMP0000"]).Order().ToArray();
        var declared = typeof(BuildErrors).GetFields().Select(field => field.GetValue(null)!.ToString()!).Order().ToArray();

        Assert.IsNotEmpty(used);
        CollectionAssert.AreEqual(declared, used, "src/Recipes/Documentation/BuildErrors.cs and the codes in src/Tasks differ.");
    }

    private static string Read(string path)
    {
        var file = Path.Combine(Repository.Root, path);
        return File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : "";
    }

    [GeneratedRegex("CMP00[0-9]{2}")]
    private static partial Regex Code();
}
