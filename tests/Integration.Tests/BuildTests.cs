using System.Text.Json;

namespace CompressTool.Integration.Tests;

/// <summary>Projects that install the packages and compress a real model, the decoder of an autoencoder.</summary>
[TestClass]
[TestCategory("Integration")]
public sealed class BuildTests
{
    private const string Recipe = """
        # a comment
        version: 1
        model: decoder.onnx
        stages:
          - prune: { structure: weights, criterion: magnitude, target: { sparsity: 50% } }
          - quantize: { scheme: fp16 }
        gates:
          size: { max: 60% }

        """;

    private const string Program = """
        using CompressedModels;

        System.Console.WriteLine(new System.IO.FileInfo(Shop.Path).Length);
        System.Console.WriteLine(Shop.Manifest.Bytes);
        System.Console.WriteLine(string.Join(' ', Shop.Inputs.LatentShape));

        """;

    [TestMethod]
    public void A_build_compresses_the_model_and_the_next_ones_do_only_what_has_changed()
    {
        using var app = App();

        var first = app.Build();

        CollectionAssert.AreEqual((string[])["01-prune", "02-quantize"], Stages(first));
        Assert.IsEmpty(first.Warnings());
        var original = new FileInfo(app.PathOf("models/decoder.onnx")).Length;
        var compressed = new FileInfo(app.PathOf("bin/Debug/net10.0/models/shop.onnx")).Length;
        Assert.IsInRange(0.45, 0.6, (double)compressed / original);
        using var manifest = JsonDocument.Parse(app.Read("bin/Debug/net10.0/models/shop.json"));
        Assert.AreEqual(compressed, manifest.RootElement.GetProperty("bytes").GetInt64());
        var printed = app.Run("exec", "bin/Debug/net10.0/App.dll").Succeeded().Output.Split('\n');
        Assert.AreEqual($"{compressed}", printed[0]);
        Assert.AreEqual($"{compressed}", printed[1]);
        Assert.AreEqual("2 4 16 16", printed[2]);

        app.Question().Succeeded();

        app.Replace("models/shop.compress.yml", "# a comment", "# another comment");
        Assert.IsEmpty(Stages(app.Build()));
        app.Question().Succeeded();

        app.Replace("models/shop.compress.yml", "fp16", "int8-weights");
        app.Replace("models/shop.compress.yml", "60%", "100%");
        CollectionAssert.AreEqual((string[])["02-quantize"], Stages(app.Build()));
        Assert.AreNotEqual(compressed, new FileInfo(app.PathOf("bin/Debug/net10.0/models/shop.onnx")).Length);
        app.Question().Succeeded();
    }

    [TestMethod]
    public void A_library_for_several_frameworks_runs_a_recipe_once_and_its_apps_publish_the_model()
    {
        using var folder = Packages.NewFolder();
        WriteModel(folder, "Library/models");
        folder.Write("Library/Models.cs", "public static class Models { public static string Path => CompressedModels.Shop.Path; }\n");
        folder.Write("Library/Library.csproj", Project("<TargetFrameworks>net10.0;netstandard2.0</TargetFrameworks>"));
        folder.Write("App/Program.cs", "System.Console.WriteLine(new System.IO.FileInfo(Models.Path).Length);\n");
        folder.Write("App/App.csproj", """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework></PropertyGroup>
              <ItemGroup><ProjectReference Include="../Library/Library.csproj" /></ItemGroup>
            </Project>
            """);
        folder.Write("All.slnx", """<Solution><Project Path="App/App.csproj" /><Project Path="Library/Library.csproj" /></Solution>""");

        var build = folder.Build("All.slnx", "-m:2");
        var publish = folder.TryBuild("publish", "App/App.csproj", "-o", folder.PathOf("out")).Succeeded();

        CollectionAssert.AreEqual((string[])["01-prune", "02-quantize"], Stages(build));
        Assert.IsEmpty(Stages(publish));
        Assert.AreEqual($"{new FileInfo(folder.PathOf("out/models/shop.onnx")).Length}\n", folder.Run("exec", "out/App.dll").Succeeded().Output);
        Assert.IsTrue(folder.Exists("Library/bin/Debug/netstandard2.0/models/shop.onnx"));
    }

    [TestMethod]
    public void Mistakes_of_a_recipe_are_at_their_lines_all_at_once()
    {
        using var app = App(Recipe.Replace("magnitude", "magnitud", StringComparison.Ordinal).Replace("fp16", "fp17", StringComparison.Ordinal));

        var build = app.TryBuild().Failed();

        var errors = build.Errors();
        Assert.HasCount(2, errors);
        Assert.StartsWith("shop.compress.yml(5,45) CMP10", errors[0]);
        Assert.StartsWith("shop.compress.yml(6,25) CMP10", errors[1]);
        Assert.IsFalse(build.Ran("CoreCompile"));
    }

    [TestMethod]
    public void A_gate_that_does_not_hold_fails_the_build_at_its_line()
    {
        using var app = App(Recipe.Replace("60%", "10%", StringComparison.Ordinal));

        var build = app.TryBuild().Failed();

        Assert.StartsWith("shop.compress.yml(8,", build.Errors().Single());
        Assert.IsFalse(app.Exists("bin/Debug/net10.0/models/shop.onnx"));
    }

    [TestMethod]
    public async Task Two_builds_at_once_do_the_work_once()
    {
        using var app = App();
        app.Run("restore").Succeeded();

        var both = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => app.Run("msbuild", "-t:CompressRecipes", "-tl:off"))));

        foreach (var build in both)
        {
            build.Succeeded();
        }

        app.Build();
        app.Question().Succeeded();
        Assert.AreEqual(2, Directory.GetFiles(app.PathOf("obj/compress/store"), "stage.json", SearchOption.AllDirectories).Length);
    }

    private static ProjectFolder App(string recipe = Recipe)
    {
        var folder = Packages.NewFolder();
        WriteModel(folder, "models", recipe);
        folder.Write("Program.cs", Program);
        folder.Write("App.csproj", Project("<OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework>"));
        return folder;
    }

    private static void WriteModel(ProjectFolder folder, string path, string recipe = Recipe)
    {
        folder.Write($"{path}/shop.compress.yml", recipe);
        File.Copy(Repository.Fixture("autoencoder-kl", "decoder_op17.onnx"), folder.PathOf($"{path}/decoder.onnx"));
    }

    private static string Project(string properties) => $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            {properties}
          </PropertyGroup>
          <ItemGroup>
            <PackageReference Include="CompressTool.Tasks" Version="{Packages.Version}" PrivateAssets="all" />
            <CompressRecipe Include="models/shop.compress.yml" />
          </ItemGroup>
        </Project>
        """;

    /// <summary>The stages that ran, as the binary log knows them.</summary>
    private static string[] Stages(BuildResult build) =>
        [.. build.All<Microsoft.Build.Logging.StructuredLogger.Target>()
            .Where(target => target.Children.OfType<Microsoft.Build.Logging.StructuredLogger.Task>().Any(task => task.Name == "CompressStage"))
            .Select(target => target.Name["Stage".Length..].Replace('_', '-'))];
}
