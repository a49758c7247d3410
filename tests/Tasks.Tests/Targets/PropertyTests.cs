using System.Text.Json;

namespace CompressTool.Tasks.Tests.Targets;

/// <summary>The properties, items and metadata of docs/msbuild.md.</summary>
[TestClass]
[TestCategory("Integration")]
public sealed class PropertyTests
{
    [TestMethod]
    public void Targets_of_the_user_see_the_models()
    {
        using var app = Consumer.Built();
        app.WriteApp("""
            <Target Name="ListModels" AfterTargets="CompressRecipes">
              <Message Importance="high" Text="model %(CompressedModel.Name) at %(CompressedModel.TargetPath) from $([System.IO.Path]::GetFileName('%(CompressedModel.RecipeFile)'))" />
              <Error Condition="!Exists('%(CompressedModel.FullPath)') or !Exists('%(CompressedModel.Manifest)')" Text="not there" />
            </Target>
            """);

        var build = app.Build();

        Assert.Contains("model shop at models/shop.onnx from shop.compress.yml", build.Output);
    }

    [TestMethod]
    public void The_public_target_can_be_called_alone_and_returns_the_models()
    {
        using var app = Consumer.Built();
        app.Replace("shop.compress.yml", "fp16", "int8");

        var result = app.Run("msbuild", "-t:CompressRecipes", "-getTargetResult:CompressRecipes").Succeeded();

        using var document = JsonDocument.Parse(result.Output);
        var model = document.RootElement.GetProperty("TargetResults").GetProperty("CompressRecipes").GetProperty("Items")[0];
        Assert.AreEqual("shop", model.GetProperty("Name").GetString());
        Assert.AreEqual("models/shop.onnx", model.GetProperty("TargetPath").GetString());
        Assert.AreEqual("weights\nprune=0.3\nquantize=int8\n", File.ReadAllText(model.GetProperty("FullPath").GetString()!));
    }

    [TestMethod]
    public void Every_argument_of_planning_reaches_the_tool()
    {
        using var app = Consumer.Built();
        app.Write("shop.compress.yml", Consumer.Recipe.Replace("0.3", "${sparsity}", StringComparison.Ordinal).Replace("fp16", "${scheme}", StringComparison.Ordinal));
        app.Write("Program.cs", "System.Console.Write(System.IO.File.ReadAllText(Acme.Models.Store.Path));\n");
        app.WriteApp(
            """
            <PropertyGroup>
              <CompressCacheDirectory>../store</CompressCacheDirectory>
              <CompressOnnxRuntime>native/libonnxruntime.so</CompressOnnxRuntime>
              <CompressVariables>sparsity = 0.5 ; scheme=int4;</CompressVariables>
              <CompressedModelsNamespace>Acme.Models</CompressedModelsNamespace>
            </PropertyGroup>
            """,
            """<CompressRecipe Include="shop.compress.yml" ClassName="store" ModelFolder="net\small" Variables="scheme=int8" />""");

        app.Build();

        var folder = app.RecipeFolder();
        string[] expected =
        [
            $"# {Consumer.FakeTool}",
            "--recipe", app.PathOf("shop.compress.yml"),
            "--folder", folder + "/",
            "--root-namespace", "Acme.Models",
            "--class-name", "store",
            "--model-folder", "net/small/",
            "--project-folder", app.Root,
            "--cache", app.PathOf("../store") + "/",
            "--onnxruntime", app.PathOf("native/libonnxruntime.so"),
            "--assets", app.PathOf("obj/project.assets.json"),
            "--set", "scheme=int8",
            "--set", "sparsity=0.5",
        ];
        CollectionAssert.AreEqual(expected, File.ReadAllLines(Path.Combine(folder, "plan.args")).Select(line => line.Trim('"')).ToArray());
        Assert.AreEqual("weights\nprune=0.5\nquantize=int8\n", app.Run("exec", "bin/Debug/net10.0/App.dll").Succeeded().Output);
        Assert.IsTrue(app.Exists("bin/Debug/net10.0/net/small/shop.onnx"));
    }

    [TestMethod]
    public void A_recipe_can_name_its_output()
    {
        using var app = Consumer.Built();
        app.Write("shop.compress.yml", Consumer.Recipe + "output: small.onnx\n");

        app.Build();

        CollectionAssert.AreEquivalent((string[])["small.json", "small.onnx"], Directory.GetFiles(app.PathOf("bin/Debug/net10.0/models")).Select(Path.GetFileName).ToArray());
        Assert.AreEqual("weights\nprune=0.3\nquantize=fp16\n", app.Run("exec", "bin/Debug/net10.0/App.dll").Succeeded().Output);
        app.Question().Succeeded();
    }

    [TestMethod]
    public void A_changed_variable_runs_the_stages_that_use_it()
    {
        using var app = Consumer.Built();
        app.Replace("shop.compress.yml", "fp16", "${scheme}");
        app.Build("-p:CompressVariables=scheme=int8");
        app.Calls();

        app.Build("-p:CompressVariables=scheme=int4");

        CollectionAssert.AreEqual((string[])["plan shop", "stage shop 02-quantize", "finish shop"], app.Calls());
    }

    [TestMethod]
    public void Recipes_can_be_found_by_a_glob_that_keeps_out_of_bin_and_obj()
    {
        using var app = Consumer.Built();
        app.Write("sub/tiny.compress.yaml", Consumer.Recipe.Replace("model.txt", "../model.txt", StringComparison.Ordinal));
        app.Write("obj/other.compress.yml", Consumer.Recipe);
        app.WriteApp("<PropertyGroup><EnableDefaultCompressRecipeItems>true</EnableDefaultCompressRecipeItems></PropertyGroup>", recipes: string.Empty);

        app.Build();

        CollectionAssert.AreEquivalent((string[])["shop.json", "shop.onnx", "tiny.json", "tiny.onnx"], Directory.GetFiles(app.PathOf("bin/Debug/net10.0/models")).Select(Path.GetFileName).ToArray());
        app.Question().Succeeded();
    }

    [TestMethod]
    public void The_class_can_be_left_out()
    {
        using var app = Consumer.Built();
        app.Write("Program.cs", "System.Console.WriteLine(CompressedModels.Shop.Mine);\nnamespace CompressedModels { static class Shop { public const int Mine = 1; } }\n");
        app.WriteApp("<PropertyGroup><CompressGenerateCode>false</CompressGenerateCode></PropertyGroup>");

        app.Build();

        Assert.IsTrue(app.Exists("bin/Debug/net10.0/models/shop.onnx"));
    }

    [TestMethod]
    public void A_skipped_build_runs_nothing_and_keeps_what_is_there()
    {
        using var app = Consumer.Built();
        app.Replace("shop.compress.yml", "fp16", "int8");

        app.Build("-p:CompressSkip=true");
        Assert.IsEmpty(app.Calls());
        Assert.AreEqual("weights\nprune=0.3\nquantize=fp16\n", app.Read("bin/Debug/net10.0/models/shop.onnx"));

        app.TryBuild("clean").Succeeded();
        app.Write("Program.cs", "System.Console.WriteLine();\n");
        app.Build("-p:CompressSkip=true");
        Assert.IsEmpty(app.Calls());
        Assert.IsFalse(app.Exists("bin/Debug/net10.0/models/shop.onnx"));
    }

    [TestMethod]
    public void An_intermediate_path_inside_the_project_is_no_source()
    {
        using var app = Consumer.Built();
        app.WriteApp("<PropertyGroup><CompressIntermediatePath>generated/models</CompressIntermediatePath></PropertyGroup>");

        app.Build();
        app.Build();

        Assert.IsTrue(app.Exists("generated/models/store"));
        app.Question().Succeeded();
        app.TryBuild("clean").Succeeded();
        Assert.IsFalse(app.Exists("generated/models"));
    }

    [TestMethod]
    public void Odd_characters_in_paths_and_names_are_no_trouble()
    {
        using var app = Consumer.App(subfolder: "it's (a) @folder é");
        app.Write("my recipe's (2) @v.compress.yml", Consumer.Recipe);
        app.WriteApp(recipes: """<CompressRecipe Include="shop.compress.yml;my recipe's (2) @v.compress.yml" Variables="text=it's (x) @y = 50%25" />""");

        app.Build();

        Assert.AreEqual("weights\nprune=0.3\nquantize=fp16\n", app.Read("bin/Debug/net10.0/models/my recipe's (2) @v.onnx"));
        Assert.Contains("text=it's (x) @y = 50%", File.ReadAllText(Path.Combine(app.RecipeFolder(), "plan.args")));
        app.Calls();
        app.Question().Succeeded();
        Assert.IsEmpty(app.Calls());
    }

    [TestMethod]
    public void The_class_passes_the_strictest_analysis_and_the_manifest_can_be_read()
    {
        using var app = Consumer.App(
            """
            <PropertyGroup>
              <AnalysisMode>All</AnalysisMode>
              <EnableNETAnalyzers>true</EnableNETAnalyzers>
              <EnforceCodeStyleInBuild>true</EnforceCodeStyleInBuild>
              <GenerateDocumentationFile>true</GenerateDocumentationFile>
              <NoWarn>$(NoWarn);CA1303</NoWarn> <!-- The app prints names, which are constants -->
            </PropertyGroup>
            """,
            program: """
            using static System.Console;

            WriteLine(CompressedModels.Shop.Manifest.Sha256.Length);
            WriteLine(CompressedModels.Shop.Inputs.Sample);
            WriteLine(CompressedModels.Shop.Inputs.SampleShape[1]);

            """);

        app.Build();

        Assert.AreEqual("64\nsample\n3\n", app.Run("exec", "bin/Debug/net10.0/App.dll").Succeeded().Output);
    }

    [TestMethod]
    public void Two_projects_in_one_folder_keep_their_recipes_apart()
    {
        using var app = Consumer.Built();
        app.WriteApp("<PropertyGroup><AssemblyName>Other</AssemblyName><CompressedModelsNamespace>Other</CompressedModelsNamespace></PropertyGroup>", name: "Other.csproj");
        app.Write("Program.cs", "System.Console.WriteLine();\n");

        app.Run("build", "Other.csproj", "-tl:off").Succeeded();

        Assert.HasCount(2, Directory.GetDirectories(app.PathOf("obj/compress"), "shop-*"));
    }
}
