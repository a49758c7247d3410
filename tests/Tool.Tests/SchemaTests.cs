using System.Text.Json.Nodes;
using CompressTool.Recipes.Documentation;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests;

[TestClass]
public sealed class SchemaTests
{
    [TestMethod]
    public async Task Schema_goes_to_standard_output_or_a_file()
    {
        using var temp = new TempFolder();
        var file = temp.File("recipe.json");

        Assert.AreEqual(RecipeSchema.Write(), (await ToolRunner.RunAsync("schema")).Expect(0).Output);
        Assert.AreEqual(file, (string?)(await ToolRunner.RunAsync("schema", "--output", file, "--json")).Expect(0).Json["file"]);
        Assert.AreEqual(RecipeSchema.Write(), File.ReadAllText(file));
        Assert.IsTrue(JsonNode.DeepEquals(JsonNode.Parse(RecipeSchema.Write()), (await ToolRunner.RunAsync("schema", "--json")).Expect(0).Json["schema"]));
    }

    [TestMethod]
    public async Task File_that_cannot_be_written_is_an_error_of_the_environment()
    {
        using var temp = new TempFolder();
        var file = temp.Write("file", "");

        var result = (await ToolRunner.RunAsync("schema", "--output", Path.Combine(file, "below.json"))).Expect(3);

        Assert.StartsWith("error CMP6098: ", result.Error);
    }

    [TestMethod]
    public async Task Docs_writes_the_generated_pages()
    {
        using var temp = new TempFolder();

        (await ToolRunner.RunAsync("docs", "--root", temp.Path)).Expect(0);

        Assert.Contains("CMP6002", File.ReadAllText(temp.File("docs", "errors.md")));
    }
}
