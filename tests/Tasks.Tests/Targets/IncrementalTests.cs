namespace CompressTool.Tasks.Tests.Targets;

[TestClass]
[TestCategory("Integration")]
public sealed class IncrementalTests
{
    private static readonly string[] s_everything = ["plan shop", "stage shop 01-prune", "stage shop 02-quantize", "finish shop"];

    [TestMethod]
    public void A_build_plans_before_the_compiler_and_runs_the_stages_after_it()
    {
        using var app = Consumer.App();

        var build = app.Build();

        CollectionAssert.AreEqual(s_everything, app.Calls());
        Assert.IsTrue(build.Start("_Plan") < build.Start("CoreCompile"));
        Assert.IsTrue(build.Start("CoreCompile") < build.Start("Stage01_prune"));
        Assert.IsTrue(build.Start("Stage01_prune") < build.Start("Stage02_quantize"));
        Assert.AreEqual("weights\nprune=0.3\nquantize=fp16\n", app.Run("exec", "bin/Debug/net10.0/App.dll").Succeeded().Output);
        Assert.Contains("shop -> ", build.Output);
        Assert.IsEmpty(build.Warnings());
    }

    [TestMethod]
    public void An_up_to_date_build_starts_no_process_and_has_nothing_to_do()
    {
        using var app = Consumer.Built();

        var again = app.Build();

        Assert.IsEmpty(app.CallsAndWork());
        Assert.IsFalse(again.Ran("_Plan"));
        app.Question().Succeeded();
        Assert.IsEmpty(app.CallsAndWork());
    }

    [TestMethod]
    public void A_comment_in_the_recipe_plans_again_and_runs_nothing()
    {
        using var app = Consumer.Built();

        app.Replace("shop.compress.yml", "# a comment", "# another comment");
        app.Question().Failed();
        app.Build();

        CollectionAssert.AreEqual((string[])["plan shop"], app.Calls());
        app.Question().Succeeded();
    }

    [TestMethod]
    public void An_edit_of_the_last_stage_runs_that_stage_only()
    {
        using var app = Consumer.Built();

        app.Replace("shop.compress.yml", "fp16", "int8");
        app.Build();

        CollectionAssert.AreEqual((string[])["plan shop", "stage shop 02-quantize", "finish shop"], app.Calls());
        Assert.AreEqual("weights\nprune=0.3\nquantize=int8\n", app.Read("bin/Debug/net10.0/models/shop.onnx"));
        app.Question().Succeeded();
    }

    [TestMethod]
    public void An_edit_of_the_first_stage_or_of_the_model_runs_what_follows()
    {
        using var app = Consumer.Built();

        app.Replace("shop.compress.yml", "0.3", "0.4");
        app.Build();
        CollectionAssert.AreEqual(s_everything, app.Calls());

        app.Write("model.txt", "new weights\n");
        app.Build();
        CollectionAssert.AreEqual(s_everything, app.Calls());
        Assert.AreEqual("new weights\nprune=0.4\nquantize=fp16\n", app.Read("bin/Debug/net10.0/models/shop.onnx"));
    }

    [TestMethod]
    public void A_new_a_changed_and_a_missing_file_of_a_pattern_plan_again()
    {
        using var app = Consumer.Built();
        app.Write("train/a.png", "a");
        app.Write("train/b;1%20.png", "b");
        app.Replace("shop.compress.yml", "# a comment", "images: train/*.png");
        app.Build();
        app.Calls();
        app.Question().Succeeded();

        app.Write("train/c.png", "c");
        app.Question().Failed();
        app.Build();
        app.Question().Succeeded();
        app.Touch("train/a.png");
        app.Build();
        app.Question().Succeeded();
        File.Delete(app.PathOf("train/b;1%20.png"));
        app.Build();
        app.Question().Succeeded();
        app.Write("train/notes.txt", "no image");
        app.Question().Succeeded();

        CollectionAssert.AreEqual((string[])["plan shop", "plan shop", "plan shop"], app.Calls());
    }

    [TestMethod]
    public void A_touched_model_costs_lookups_and_no_work_and_is_quiet_afterwards()
    {
        using var app = Consumer.Built();
        var copied = File.GetLastWriteTimeUtc(app.PathOf("bin/Debug/net10.0/models/shop.onnx"));

        app.Touch("model.txt");
        app.Build();

        var calls = app.CallsAndWork();
        Assert.HasCount(2, calls.Where(call => call.StartsWith("cached", StringComparison.Ordinal)));
        Assert.IsEmpty(calls.Where(call => call.StartsWith("built", StringComparison.Ordinal)));
        Assert.AreEqual(copied, File.GetLastWriteTimeUtc(app.PathOf("bin/Debug/net10.0/models/shop.onnx")));
        app.Question().Succeeded();
    }

    [TestMethod]
    public void Edits_of_code_and_project_run_nothing()
    {
        using var app = Consumer.Built();

        app.Write("Other.cs", "class Other { }\n");
        app.Touch("App.csproj");
        app.Build();

        Assert.IsEmpty(app.CallsAndWork());
    }

    [TestMethod]
    public void A_removed_stage_leaves_neither_its_files_nor_its_model()
    {
        using var app = Consumer.Built();

        app.Replace("shop.compress.yml", "  - quantize: fp16\n", string.Empty);
        app.Build();

        CollectionAssert.AreEqual((string[])["plan shop", "finish shop"], app.Calls());
        Assert.AreEqual("weights\nprune=0.3\n", app.Read("bin/Debug/net10.0/models/shop.onnx"));
        Assert.IsEmpty(Directory.GetFiles(app.RecipeFolder(), "02-*"));
        app.Question().Succeeded();
    }

    [TestMethod]
    public void A_model_that_changes_back_is_copied_again()
    {
        using var app = Consumer.Built();
        app.Replace("shop.compress.yml", "fp16", "int8");
        app.Build();
        app.Calls();

        app.Replace("shop.compress.yml", "int8", "fp16");
        app.Build();

        Assert.AreEqual("weights\nprune=0.3\nquantize=fp16\n", app.Read("bin/Debug/net10.0/models/shop.onnx"));
        CollectionAssert.Contains(app.CallsAndWork(), "cached shop 02-quantize");
    }

    [TestMethod]
    public void Deleted_files_are_made_again_and_nothing_else()
    {
        using var app = Consumer.Built();

        File.Delete(Path.Combine(app.RecipeFolder(), "artifacts", "shop.onnx"));
        app.Build();
        CollectionAssert.AreEqual((string[])["finish shop"], app.Calls());

        File.Delete(Path.Combine(app.RecipeFolder(), "shop.proj"));
        app.Build();
        CollectionAssert.AreEqual((string[])["plan shop"], app.Calls());

        File.Delete(Path.Combine(app.RecipeFolder(), "02-quantize.stamp"));
        app.Build();
        CollectionAssert.AreEqual((string[])["stage shop 02-quantize", "finish shop"], app.Calls());
        app.Question().Succeeded();
    }

    [TestMethod]
    public void Another_tool_plans_again()
    {
        using var app = Consumer.Built();
        var copy = app.PathOf("../tool");
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.GetFiles(Path.GetDirectoryName(Consumer.FakeTool)!))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        // The older file of another version: its time tells nothing, its path does.
        var tool = Path.Combine(copy, Path.GetFileName(Consumer.FakeTool));
        File.SetLastWriteTimeUtc(tool, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        app.Build($"-p:CompressToolPath={tool}");
        CollectionAssert.AreEqual((string[])["plan shop"], app.Calls());

        File.SetLastWriteTimeUtc(tool, DateTime.UtcNow);
        app.Build($"-p:CompressToolPath={tool}");
        CollectionAssert.AreEqual((string[])["plan shop"], app.Calls());
    }

    [TestMethod]
    public void A_failed_stage_is_taken_up_where_it_failed()
    {
        using var app = Consumer.App(recipe: Consumer.Recipe + "  - fail: out of luck\n");

        var failed = app.TryBuild().Failed();

        CollectionAssert.AreEqual((string[])[.. s_everything[..3], "stage shop 03-fail"], app.Calls());
        CollectionAssert.AreEqual((string[])["shop.compress.yml(6,5) CMP4001"], failed.Errors());
        Assert.IsFalse(app.Exists("bin/Debug/net10.0/models/shop.onnx"));

        app.Replace("shop.compress.yml", "fail: out of luck", "distill: ok");
        app.Build();
        CollectionAssert.AreEqual((string[])["plan shop", "stage shop 03-distill", "finish shop"], app.Calls());
    }

    [TestMethod]
    public void Weights_in_a_file_of_their_own_come_and_go_with_the_model()
    {
        using var app = Consumer.App(recipe: Consumer.Recipe + "external-data: yes\n");
        app.Build();
        Assert.IsTrue(app.Exists("bin/Debug/net10.0/models/shop.onnx.data"));

        app.Replace("shop.compress.yml", "external-data: yes\n", string.Empty);
        app.Build();

        Assert.IsFalse(app.Exists("bin/Debug/net10.0/models/shop.onnx.data"));
        Assert.IsTrue(app.Exists("bin/Debug/net10.0/models/shop.onnx"));
        app.Question().Succeeded();
    }
}
