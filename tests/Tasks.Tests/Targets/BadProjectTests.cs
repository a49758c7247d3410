namespace CompressTool.Tasks.Tests.Targets;

/// <summary>Mistakes in project files: each has its code, is at the project, and is found before the tool or the compiler starts.</summary>
[TestClass]
[TestCategory("Integration")]
public sealed class BadProjectTests
{
    private const string One = """<CompressRecipe Include="shop.compress.yml" />""";

    public static IEnumerable<(string Name, string Code, string Recipes, string Project, string Says)> Cases { get; } =
    [
        ("old SDK", "CMP0001", One, Property("NETCoreSdkVersion", "9.0.305"), "SDK 10"),
        ("missing recipe", "CMP0002", """<CompressRecipe Include="shop.compress.yml;shpo.compress.yml" />""", "", "'shpo.compress.yml'"),
        ("one recipe twice", "CMP0004", One + One, "", "models/shop.onnx"),
        ("two recipes of a name", "CMP0004", """<CompressRecipe Include="shop.compress.yml;sub/shop.yml" />""", "", "shop.compress.yml, sub/shop.yml"),
        ("names that differ in case", "CMP0004", """<CompressRecipe Include="shop.compress.yml;Shop.yml" />""", "", "ModelFolder"),
        ("missing tool", "CMP0005", One, Property("CompressToolPath", "tools/dotnet-compress.dll"), "tools/dotnet-compress.dll"),
        ("variable without a value", "CMP0006", One, Property("CompressVariables", "sparsity=0.5;scheme"), "'scheme'"),
        ("variable without a name", "CMP0006", """<CompressRecipe Include="shop.compress.yml" Variables="=0.5" />""", "", "'=0.5'"),
        ("variable in quotes", "CMP0007", One, Property("CompressVariables", "name=&quot;x&quot;"), "name=\"x\""),
        ("rooted model folder", "CMP0009", One, Property("CompressModelFolder", "/models"), "'/models'"),
        ("model folder outside", "CMP0009", """<CompressRecipe Include="shop.compress.yml" ModelFolder="a/../../b" />""", "", "a/../../b"),
        ("recipe added by a target", "CMP0010", "", """<Target Name="Late" BeforeTargets="BeforeBuild"><ItemGroup><CompressRecipe Include="shop.compress.yml" /></ItemGroup></Target>""", "shop.compress.yml"),
        ("missing host", "CMP0011", One, Property("CompressToolDotNetHost", "/nowhere/dotnet"), "/nowhere/dotnet"),
        ("intermediate path around the project", "CMP0013", One, Property("CompressIntermediatePath", "."), "obj/compress/"),
        ("two classes of a name", "CMP0014", """<CompressRecipe Include="shop.compress.yml" /><CompressRecipe Include="sub/shop.yml" ModelFolder="other" />""", "", "'Shop'"),
    ];

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void A_mistake_has_its_code_and_its_place(string name, string code, string recipes, string project, string says)
    {
        using var app = Consumer.Built();
        app.Write("sub/shop.yml", Consumer.Recipe.Replace("model.txt", "../model.txt", StringComparison.Ordinal));
        app.Write("Shop.yml", Consumer.Recipe);
        app.WriteApp(project, recipes);

        var build = app.Run("build", "--no-restore", "-tl:off", "-v:q").Failed();

        Assert.Contains($"App.csproj : error {code}: ", build.Output, name);
        Assert.Contains(says, build.Output, name);
        Assert.DoesNotContain("error MSB", build.Output, name);
        Assert.DoesNotContain("error CS", build.Output, name);
    }

    private static string Property(string name, string value) => $"<PropertyGroup><{name}>{value}</{name}></PropertyGroup>";
}
