using System.Reflection;
using System.Runtime.Loader;
using CompressTool.Recipes.Build;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace CompressTool.Recipes.Tests.Build;

[TestClass]
public sealed class CodeWriterTests
{
    private static readonly ModelCode s_shop = new()
    {
        Namespace = "CompressedModels",
        ClassName = "shop",
        RecipeFileName = "shop.compress.yml",
        TargetPath = "models/shop.onnx",
        Inputs =
        [
            new("sample", "float32", [new(null, "batch"), new(3), new(32), new(32)]),
            new("encoder_hidden-states", "float16", [new(null), new(77)]),
            new("input", "int64", []),
        ],
        Outputs = [new("out_sample", "float32", null)],
    };

    [TestMethod]
    public void The_class_gives_paths_names_types_and_shapes()
    {
        var type = Load(s_shop).GetType("CompressedModels.Shop", throwOnError: true)!;

        Assert.AreEqual("shop", Constant(type, "Name"));
        Assert.AreEqual("models/shop.onnx", Constant(type, "TargetPath"));
        Assert.AreEqual(Path.Combine(AppContext.BaseDirectory, "models", "shop.onnx"), Property(type, "Path"));
        Assert.AreEqual(Path.Combine(AppContext.BaseDirectory, "models", "shop.json"), Property(type, "ManifestPath"));
        var inputs = type.GetNestedType("Inputs")!;
        Assert.AreEqual("sample", Constant(inputs, "Sample"));
        Assert.AreEqual("float32", Constant(inputs, "SampleType"));
        CollectionAssert.AreEqual((long[])[-1, 3, 32, 32], (long[])Property(inputs, "SampleShape"));
        Assert.AreEqual("encoder_hidden-states", Constant(inputs, "EncoderHiddenStates"));
        CollectionAssert.AreEqual((long[])[-1, 77], (long[])Property(inputs, "EncoderHiddenStatesShape"));
        Assert.AreEqual("input", Constant(inputs, "Input"));
        CollectionAssert.AreEqual(Array.Empty<long>(), (long[])Property(inputs, "InputShape"));
        var outputs = type.GetNestedType("Outputs")!;
        Assert.AreEqual("out_sample", Constant(outputs, "OutSample"));
        Assert.IsNull(outputs.GetProperty("OutSampleShape"));
    }

    [TestMethod]
    public void The_manifest_is_read_as_it_is_written()
    {
        using var folder = new TempFolder();
        var path = folder.Write("shop.json", (ModelManifestTests.Manifest() with { Metrics = new Dictionary<string, double> { ["macs"] = 6.05e9 } }).ToJson());
        var reader = Load(s_shop).GetType("CompressedModels.Shop")!.GetNestedType("ModelManifest")!;

        var manifest = reader.GetMethod("Read")!.Invoke(null, [path])!;

        Assert.AreEqual("0123abcd", reader.GetProperty("Sha256")!.GetValue(manifest));
        Assert.AreEqual(5_000_000_000L, reader.GetProperty("Bytes")!.GetValue(manifest));
        Assert.AreEqual(35_746_307L, reader.GetProperty("Parameters")!.GetValue(manifest));
        Assert.AreEqual(6.05e9, ((IReadOnlyDictionary<string, double>)reader.GetProperty("Metrics")!.GetValue(manifest)!)["macs"]);
    }

    [TestMethod]
    [DataRow(LanguageVersion.CSharp10, true)]
    [DataRow(LanguageVersion.CSharp8, true)]
    [DataRow(LanguageVersion.CSharp7_3, false)]
    public void The_class_compiles_without_a_warning_in_old_and_new_language_versions(LanguageVersion version, bool modern)
    {
        var compilation = Compile(s_shop, version, modern);

        Assert.AreEqual(string.Empty, string.Join('\n', compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning)));
    }

    [TestMethod]
    public void Another_part_of_the_class_can_make_it_public()
    {
        var compilation = Compile(s_shop, LanguageVersion.CSharp10, modern: true, "namespace CompressedModels { public static partial class Shop { } }");

        Assert.IsEmpty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        Assert.AreEqual(Accessibility.Public, compilation.GetTypeByMetadataName("CompressedModels.Shop")!.DeclaredAccessibility);
    }

    [TestMethod]
    public void Names_that_clash_are_told_apart()
    {
        var code = s_shop with
        {
            Inputs = [new("x", "float32", [new(1)]), new("X", "float32", [new(2)]), new("x.type", "int8", null), new("inputs", "bool", null), new("equals", "bool", null), new("1", "bool", null), new("::", "bool", null), new("_", "bool", null)],
        };

        var inputs = Load(code).GetType("CompressedModels.Shop")!.GetNestedType("Inputs")!;

        var names = inputs.GetFields().Where(field => !field.Name.EndsWith("Type", StringComparison.Ordinal)).ToDictionary(field => field.Name, field => (string)field.GetRawConstantValue()!);
        Assert.AreEqual("x", names["X"]);
        Assert.AreEqual("X", names["X2"]);
        Assert.AreEqual("inputs", names["Inputs2"]);
        Assert.AreEqual("equals", names["Equals2"]);
        Assert.AreEqual("1", names["_1"]);
        Assert.AreEqual("::", names["_"]);
        Assert.AreEqual("_", names["_2"]);
        Assert.AreEqual("x.type", (string)inputs.GetField("XType2")!.GetRawConstantValue()!);
    }

    [TestMethod]
    [DataRow("shop", "Shop")]
    [DataRow("ddpm-clothes.v2", "DdpmClothesV2")]
    [DataRow("2d unet", "_2dUnet")]
    [DataRow("path", "PathModel")]
    [DataRow("Outputs", "OutputsModel")]
    [DataRow("класс", "Класс")]
    [DataRow("---", "_")]
    public void A_class_name_is_made_from_any_recipe_name(string recipe, string expected)
    {
        var code = s_shop with { ClassName = recipe };

        Assert.AreEqual(expected, CodeWriter.ClassName(code));
        Assert.IsNotNull(Load(code).GetType($"CompressedModels.{expected}"));
    }

    [TestMethod]
    [DataRow("Acme.Imaging", "Acme.Imaging")]
    [DataRow("acme.class.my-app", "acme.class.my_app")]
    [DataRow("9lives..x", "_9lives.x")]
    [DataRow(" ", "CompressedModels")]
    public void A_namespace_is_made_valid(string given, string expected)
    {
        Assert.IsNotNull(Load(s_shop with { Namespace = given }).GetType($"{expected}.Shop"));
    }

    [TestMethod]
    public void Odd_names_cannot_break_out_of_their_literals()
    {
        var odd = "a\"b\\c\n*/</summary>\u2028{0}\ud83d\ude00\t";
        var code = s_shop with { RecipeFileName = odd, TargetPath = "mo dels/\"x\"/s'.onnx", Outputs = [new(odd, odd, [new(null, odd)])] };

        var outputs = Load(code).GetType("CompressedModels.Shop")!.GetNestedType("Outputs")!;

        Assert.IsTrue(outputs.GetFields().Any(field => (string)field.GetRawConstantValue()! == odd));
    }

    [TestMethod]
    public void A_class_that_changes_its_name_leaves_no_second_one()
    {
        using var folder = new TempFolder();
        CodeWriter.Write(folder.Path, s_shop);

        var path = CodeWriter.Write(folder.Path, s_shop with { ClassName = "store" });

        Assert.AreEqual("Store.g.cs", Path.GetFileName(path));
        CollectionAssert.AreEqual((string[])[path], Directory.GetFiles(folder.Path));
    }

    private static Assembly Load(ModelCode code)
    {
        using var stream = new MemoryStream();
        var result = Compile(code, LanguageVersion.CSharp10, modern: true).Emit(stream);
        Assert.IsTrue(result.Success, string.Join('\n', result.Diagnostics) + "\n" + CodeWriter.Render(code));
        stream.Position = 0;
        return new AssemblyLoadContext(null, isCollectible: true).LoadFromStream(stream);
    }

    private static CSharpCompilation Compile(ModelCode code, LanguageVersion version, bool modern, params string[] others)
    {
        var parse = new CSharpParseOptions(version, DocumentationMode.Diagnose, preprocessorSymbols: modern ? ["NETCOREAPP3_0_OR_GREATER"] : []);

        // The class switches warnings off so that a newer compiler cannot fail a build over it; here they are on.
        var text = CodeWriter.Render(code).Replace("#pragma warning disable", string.Empty, StringComparison.Ordinal);
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path));
        var options = new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: modern ? NullableContextOptions.Enable : NullableContextOptions.Disable);
        return CSharpCompilation.Create("models", [.. others.Prepend(text).Select(source => CSharpSyntaxTree.ParseText(source, parse))], references, options);
    }

    private static object Constant(Type type, string name) => type.GetField(name)!.GetRawConstantValue()!;

    private static object Property(Type type, string name) => type.GetProperty(name)!.GetValue(null)!;
}
