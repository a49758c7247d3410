namespace CompressTool.Tasks.Tests.Targets;

[TestClass]
[TestCategory("Integration")]
public sealed class MultiTargetingTests
{
    private static readonly string[] s_everything = ["plan shop", "stage shop 01-prune", "stage shop 02-quantize", "finish shop"];

    [TestMethod]
    public void Several_target_frameworks_run_a_recipe_once()
    {
        using var consumer = Library();

        var build = consumer.Build("Library/Library.csproj", "-m:2");

        CollectionAssert.AreEqual(s_everything, consumer.Calls());
        Assert.AreEqual(2, build.Runs("CoreCompile"));
        foreach (var framework in (string[])["net10.0", "netstandard2.0"])
        {
            Assert.AreEqual("weights\nprune=0.3\nquantize=fp16\n", consumer.Read($"Library/bin/Debug/{framework}/models/shop.onnx"));
        }

        consumer.Question("Library/Library.csproj").Succeeded();
        Assert.IsEmpty(consumer.Calls());
    }

    [TestMethod]
    public void A_rebuild_deletes_once_and_runs_everything_once()
    {
        using var consumer = Library();
        consumer.Build("Library/Library.csproj");
        consumer.Calls();

        var rebuild = consumer.Build("Library/Library.csproj", "-t:Rebuild", "-m:2");

        CollectionAssert.AreEqual(s_everything, consumer.Calls());
        Assert.AreEqual(1, rebuild.All<Microsoft.Build.Logging.StructuredLogger.Task>().Count(task => task.Name == "CompressClean"));
        consumer.Build("Library/Library.csproj");
        Assert.IsEmpty(consumer.Calls());
    }

    [TestMethod]
    public void The_public_target_works_from_the_outer_project()
    {
        using var consumer = Library();

        var result = consumer.TryBuild("msbuild", "Library/Library.csproj", "-restore", "-t:CompressRecipes", "-getTargetResult:CompressRecipes").Succeeded();

        CollectionAssert.AreEqual(s_everything, consumer.Calls());
        Assert.Contains("artifacts/shop.onnx", result.Output);
    }

    [TestMethod]
    [DataRow("-m:2")]
    [DataRow("-graph")]
    [DataRow("-graph", "-isolate")]
    public void A_solution_of_apps_over_a_library_runs_a_recipe_once_and_every_app_gets_the_model(params string[] arguments)
    {
        using var consumer = Library();
        consumer.WriteReferencingApp("One", "../Library/Library.csproj");
        consumer.WriteReferencingApp("Two", "../Library/Library.csproj");
        consumer.Write("All.slnx", """
            <Solution>
              <Project Path="One/One.csproj" />
              <Project Path="Two/Two.csproj" />
              <Project Path="Library/Library.csproj" />
            </Solution>
            """);
        consumer.Run("restore", "All.slnx").Succeeded();

        consumer.Build(["All.slnx", "--no-restore", .. arguments]);

        CollectionAssert.AreEqual(s_everything, consumer.Calls());
        foreach (var app in (string[])["One", "Two"])
        {
            Assert.AreEqual("weights\nprune=0.3\nquantize=fp16\n", consumer.Run("exec", $"{app}/bin/Debug/net10.0/{app}.dll").Succeeded().Output);
        }

        consumer.Replace("Library/shop.compress.yml", "fp16", "int8");
        consumer.Build(["All.slnx", .. arguments]);
        Assert.AreEqual("weights\nprune=0.3\nquantize=int8\n", consumer.Run("exec", "Two/bin/Debug/net10.0/Two.dll").Succeeded().Output);

        consumer.Calls();
        consumer.Question(["All.slnx", .. arguments]).Succeeded();
        Assert.IsEmpty(consumer.Calls());
    }

    [TestMethod]
    public void A_solution_rebuild_runs_everything_once()
    {
        using var consumer = Library();
        consumer.WriteReferencingApp("One", "../Library/Library.csproj");
        consumer.Write("All.slnx", """<Solution><Project Path="One/One.csproj" /><Project Path="Library/Library.csproj" /></Solution>""");
        consumer.Build("All.slnx");
        consumer.Calls();

        consumer.Build("All.slnx", "-t:Rebuild", "-m:2");

        CollectionAssert.AreEqual(s_everything, consumer.Calls());
        Assert.IsTrue(consumer.Exists("One/bin/Debug/net10.0/models/shop.onnx"));
    }

    [TestMethod]
    public void A_library_that_is_only_asked_for_its_content_runs_nothing()
    {
        using var consumer = Library();
        consumer.WriteReferencingApp("One", "../Library/Library.csproj");
        consumer.Build("One/One.csproj");
        consumer.Calls();
        consumer.Replace("Library/shop.compress.yml", "fp16", "int8");

        consumer.Build("One/One.csproj", "-p:BuildProjectReferences=false");

        Assert.IsEmpty(consumer.Calls());
        Assert.IsTrue(consumer.Exists("One/bin/Debug/net10.0/models/shop.onnx"));
    }

    [TestMethod]
    public void A_recipe_of_one_target_framework_survives_the_builds_of_the_others()
    {
        using var consumer = Library("""<ItemGroup Condition="'$(TargetFramework)' == 'net10.0'"><CompressRecipe Include="tiny.compress.yml" /></ItemGroup>""");
        consumer.Write("Library/tiny.compress.yml", Consumer.Recipe);
        consumer.Build("Library/Library.csproj", "-m:2");
        consumer.Calls();

        consumer.Build("Library/Library.csproj", "-f", "netstandard2.0");
        Assert.IsEmpty(consumer.Calls());
        Assert.IsTrue(Directory.Exists(consumer.RecipeFolder("tiny", "Library/obj")));

        consumer.Replace("Library/Library.csproj", "<CompressRecipe Include=\"tiny.compress.yml\" />", string.Empty);
        consumer.Build("Library/Library.csproj");
        Assert.IsEmpty(Directory.GetDirectories(consumer.PathOf("Library/obj/compress"), "tiny-*"));
        Assert.IsFalse(consumer.Exists("Library/bin/Debug/net10.0/models/tiny.onnx"));
        Assert.IsTrue(Directory.Exists(consumer.RecipeFolder("shop", "Library/obj")));
    }

    private static Consumer Library(string project = "")
    {
        var consumer = Consumer.Empty();
        consumer.Write("Library/model.txt", "weights\n");
        consumer.Write("Library/shop.compress.yml", Consumer.Recipe);
        consumer.Write("Library/Models.cs", "public static class Models { public static string Path => CompressedModels.Shop.Path; }\n");
        consumer.WriteLibrary("Library", "net10.0;netstandard2.0", project);
        return consumer;
    }
}
