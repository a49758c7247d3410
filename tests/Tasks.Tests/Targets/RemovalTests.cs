namespace CompressTool.Tasks.Tests.Targets;

[TestClass]
[TestCategory("Integration")]
public sealed class RemovalTests
{
    [TestMethod]
    public void A_removed_recipe_leaves_neither_its_model_nor_its_folder()
    {
        using var app = Consumer.Built();
        app.Write("tiny.compress.yml", Consumer.Recipe);
        app.WriteApp(recipes: """<CompressRecipe Include="shop.compress.yml;tiny.compress.yml" />""");
        app.Build();
        Assert.IsTrue(app.Exists("bin/Debug/net10.0/models/tiny.onnx"));

        app.WriteApp();
        app.Build();

        Assert.IsFalse(app.Exists("bin/Debug/net10.0/models/tiny.onnx"));
        Assert.IsFalse(app.Exists("bin/Debug/net10.0/models/tiny.json"));
        Assert.IsEmpty(Directory.GetDirectories(app.PathOf("obj/compress"), "tiny-*"));
        Assert.IsTrue(app.Exists("bin/Debug/net10.0/models/shop.onnx"));
        app.Question().Succeeded();
    }

    [TestMethod]
    public void The_last_recipe_is_removed_like_any_other()
    {
        using var app = Consumer.Built();

        app.WriteApp(recipes: string.Empty);
        app.Write("Program.cs", "System.Console.WriteLine();\n");
        app.Build();

        Assert.IsFalse(app.Exists("bin/Debug/net10.0/models/shop.onnx"));
        Assert.IsEmpty(Directory.GetDirectories(app.PathOf("obj/compress"), "shop-*"));
        app.Question().Succeeded();
    }

    [TestMethod]
    public void A_report_lies_beside_the_model_while_the_recipe_asks_for_it_and_is_not_published()
    {
        using var app = Consumer.Built();
        app.Write("shop.compress.yml", Consumer.Recipe + "report: html\n");

        var build = app.Build();

        Assert.AreEqual(app.Read("bin/Debug/net10.0/models/shop.onnx"), app.Read("bin/Debug/net10.0/models/shop.report.html"));
        StringAssert.Contains(build.Output, "shop report -> ");
        app.Question().Succeeded();
        File.Delete(Path.Combine(app.RecipeFolder(), "artifacts", "shop.report.html"));
        app.Question().Failed();
        app.TryBuild("publish", "-o", app.PathOf("out")).Succeeded();
        Assert.IsTrue(File.Exists(Path.Combine(app.RecipeFolder(), "artifacts", "shop.report.html")));
        Assert.IsTrue(app.Exists("out/models/shop.onnx"));
        Assert.IsFalse(app.Exists("out/models/shop.report.html"));

        app.Write("shop.compress.yml", Consumer.Recipe);
        app.Build();

        Assert.IsFalse(app.Exists("bin/Debug/net10.0/models/shop.report.html"));
        Assert.IsTrue(app.Exists("bin/Debug/net10.0/models/shop.onnx"));
        app.Question().Succeeded();
    }

    [TestMethod]
    public void Clean_deletes_what_builds_have_written_and_nothing_else()
    {
        using var app = Consumer.Built();
        app.Write("obj/compress/notes/mine.txt", "mine");
        app.Write("obj/compress/mine.txt", "mine");

        app.TryBuild("clean").Succeeded();

        Assert.IsFalse(app.Exists("bin/Debug/net10.0/models/shop.onnx"));
        CollectionAssert.AreEquivalent(
            (string[])["mine.txt", "notes"],
            Directory.GetFileSystemEntries(app.PathOf("obj/compress")).Select(Path.GetFileName).ToArray());
        Assert.IsEmpty(app.Calls());
    }

    [TestMethod]
    public void Clean_keeps_a_store_outside_obj_so_that_the_next_build_only_looks_up()
    {
        using var app = Consumer.App("<PropertyGroup><CompressCacheDirectory>../shared store</CompressCacheDirectory></PropertyGroup>");
        app.Build();
        app.TryBuild("clean").Succeeded();
        Assert.IsFalse(app.Exists("obj/compress"));
        app.Calls();

        app.Build();

        var work = app.CallsAndWork();
        Assert.HasCount(2, work.Where(line => line.StartsWith("cached", StringComparison.Ordinal)));
        Assert.IsEmpty(work.Where(line => line.StartsWith("built", StringComparison.Ordinal)));
        Assert.HasCount(2, Directory.GetFiles(app.PathOf("../shared store")));
        Assert.IsTrue(app.Exists("bin/Debug/net10.0/models/shop.onnx"));
    }

    [TestMethod]
    public void A_rebuild_is_a_clean_and_a_build()
    {
        using var app = Consumer.Built();

        app.Build("-t:Rebuild");

        CollectionAssert.AreEqual((string[])["plan shop", "stage shop 01-prune", "stage shop 02-quantize", "finish shop"], app.Calls());
        Assert.IsTrue(app.Exists("bin/Debug/net10.0/models/shop.onnx"));
    }
}
