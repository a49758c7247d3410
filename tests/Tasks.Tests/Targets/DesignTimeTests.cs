using System.Text.Json;

namespace CompressTool.Tasks.Tests.Targets;

[TestClass]
[TestCategory("Integration")]
public sealed class DesignTimeTests
{
    private static readonly string[] s_designTime = ["-p:DesignTimeBuild=true", "-p:SkipCompilerExecution=true", "-p:ProvideCommandLineArgs=true"];

    [TestMethod]
    public void A_design_time_build_of_a_fresh_clone_runs_no_tool_and_knows_the_models()
    {
        using var app = Consumer.App(program: "System.Console.WriteLine();\n");
        app.Run("restore").Succeeded();

        var result = app.Run(["msbuild", "-t:Compile;GetCopyToOutputDirectoryItems", .. s_designTime, "-getItem:ContentWithTargetPath,Compile"]).Succeeded();

        Assert.IsEmpty(app.Calls());
        Assert.IsFalse(app.Exists("obj/compress"));
        CollectionAssert.AreEqual((string[])["models/shop.onnx", "models/shop.json"], Metadata(result, "ContentWithTargetPath", "TargetPath"));
    }

    [TestMethod]
    public void A_design_time_build_takes_the_class_of_the_last_build()
    {
        using var app = Consumer.Built();
        app.Replace("shop.compress.yml", "fp16", "int8");

        var result = app.Run(["msbuild", "-t:Compile", .. s_designTime, "-getItem:Compile"]).Succeeded();

        Assert.IsEmpty(app.Calls());
        CollectionAssert.Contains(Metadata(result, "Compile", "Filename"), "Shop.g");
    }

    [TestMethod]
    public void The_up_to_date_check_knows_inputs_and_outputs_as_a_set()
    {
        using var app = Consumer.Built();

        var result = app.Run("msbuild", "-t:_CompressCollectInputs", "-getItem:UpToDateCheckInput,UpToDateCheckBuilt").Succeeded();

        var set = Path.GetFileName(app.RecipeFolder());
        var inputs = Metadata(result, "UpToDateCheckInput", "FullPath");
        CollectionAssert.IsSubsetOf((string[])[app.PathOf("shop.compress.yml"), app.PathOf("model.txt")], inputs);
        Assert.IsTrue(Metadata(result, "UpToDateCheckInput", "Set").All(value => value == set));
        CollectionAssert.AreEqual((string[])[Path.Combine(app.RecipeFolder(), "finish.stamp")], Metadata(result, "UpToDateCheckBuilt", "FullPath"));
        CollectionAssert.AreEqual((string[])[set], Metadata(result, "UpToDateCheckBuilt", "Set"));
    }

    [TestMethod]
    public void Dotnet_watch_watches_recipes_and_models_also_of_referenced_projects()
    {
        using var consumer = Consumer.Empty();
        consumer.Write("Library/model.txt", "weights\n");
        consumer.Write("Library/shop.compress.yml", Consumer.Recipe);
        consumer.WriteLibrary("Library", "net10.0");
        consumer.WriteReferencingApp("App", "../Library/Library.csproj", program: "System.Console.WriteLine();\n");
        consumer.Build("App/App.csproj");

        var list = consumer.Run("watch", "--list", "--project", "App/App.csproj").Succeeded();

        Assert.Contains(consumer.PathOf("Library/shop.compress.yml"), list.Output);
        Assert.Contains(consumer.PathOf("Library/model.txt"), list.Output);
    }

    [TestMethod]
    public void The_recipe_is_in_the_binary_log_and_not_among_the_other_files()
    {
        using var app = Consumer.Built();
        app.Replace("shop.compress.yml", "fp16", "int8");

        var build = app.Build();
        var items = app.Run("msbuild", "-getItem:None").Succeeded();

        CollectionAssert.Contains(build.Log.SourceFiles.Select(file => Path.GetFileName(file.FullPath)).ToArray(), "shop.compress.yml");
        CollectionAssert.Contains(build.Log.SourceFiles.Select(file => Path.GetFileName(file.FullPath)).ToArray(), "shop.proj");
        CollectionAssert.DoesNotContain(Metadata(items, "None", "Identity"), "shop.compress.yml");
    }

    private static string[] Metadata(BuildResult result, string item, string metadata)
    {
        using var document = JsonDocument.Parse(result.Output);
        return [.. document.RootElement.GetProperty("Items").GetProperty(item).EnumerateArray().Select(element => element.GetProperty(metadata).GetString()!)];
    }
}
