using System.Text.Json.Nodes;
using CompressTool.Onnx;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests.Runs;

[TestClass]
public sealed class RunCommandTests
{
    private const string Prune = "  - prune: { structure: weights, criterion: magnitude, target: { sparsity: 50% } }";
    private const string PruneMore = "  - prune: { structure: weights, criterion: magnitude, target: { sparsity: 60% } }";

    [TestMethod]
    public async Task First_run_builds_every_stage_and_publishes_the_model()
    {
        using var folder = new RunFolder(Prune + "\n" + PruneMore);

        var result = await Run(folder);

        Assert.AreEqual("01-prune built, 02-prune built", Statuses(result));
        Assert.AreEqual("first run", (string?)result["stages"]![0]!["reason"]);
        Assert.AreEqual(Path.Combine(folder.Output, "shop.onnx"), (string?)result["artifact"]);
        using var model = Model.Load(Path.Combine(folder.Output, "shop.onnx"));
        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(folder.Output, "shop.json")))!;
        Assert.AreEqual(177_427, (long)manifest["parameters"]!);
        Assert.AreEqual(new FileInfo(model.Path!).Length, (long)manifest["bytes"]!);
    }

    [TestMethod]
    public async Task Second_run_takes_everything_from_the_store()
    {
        using var folder = new RunFolder(Prune);
        await Run(folder);
        var before = folder.Results();

        var result = await Run(folder);

        Assert.AreEqual("01-prune cached", Statuses(result));
        Assert.AreEqual("unchanged", (string?)result["stages"]![0]!["reason"]);
        CollectionAssert.AreEqual(before, folder.Results());
    }

    [TestMethod]
    public async Task Comment_runs_nothing()
    {
        using var folder = new RunFolder(Prune);
        await Run(folder);
        folder.Write("  # a remark\n" + Prune.Replace("50%", "0.50", StringComparison.Ordinal));

        Assert.AreEqual("01-prune cached", Statuses(await Run(folder)));
    }

    [TestMethod]
    public async Task Edit_of_the_last_stage_runs_only_that_stage_and_says_why()
    {
        using var folder = new RunFolder(Prune + "\n" + PruneMore);
        await Run(folder);
        folder.Write(Prune + "\n" + PruneMore.Replace("60%", "70%", StringComparison.Ordinal));

        var result = await Run(folder);

        Assert.AreEqual("01-prune cached, 02-prune built", Statuses(result));
        Assert.AreEqual("target.sparsity 60% -> 70%", (string?)result["stages"]![1]!["reason"]);
    }

    [TestMethod]
    public async Task Edit_of_the_first_stage_runs_all()
    {
        using var folder = new RunFolder(Prune + "\n" + PruneMore);
        await Run(folder);
        folder.Write(Prune.Replace("50%", "40%", StringComparison.Ordinal) + "\n" + PruneMore);

        var result = await Run(folder);

        Assert.AreEqual("01-prune built, 02-prune built", Statuses(result));
        Assert.AreEqual("the stage before it changed", (string?)result["stages"]![1]!["reason"]);
    }

    [TestMethod]
    public async Task Going_back_finds_the_old_artifact()
    {
        using var folder = new RunFolder(Prune);
        await Run(folder);
        folder.Write(PruneMore);
        await Run(folder);
        folder.Write(Prune);

        var result = await Run(folder);

        Assert.AreEqual("01-prune cached", Statuses(result));
        Assert.AreEqual("found in the store", (string?)result["stages"]![0]!["reason"]);
    }

    [TestMethod]
    public async Task Changed_model_runs_all_and_is_the_reason()
    {
        using var folder = new RunFolder(Prune);
        await Run(folder);
        using (var model = Model.Load(folder.Model))
        {
            model.DocString = "another";
            model.Save(folder.Model);
        }

        var result = await Run(folder);

        Assert.AreEqual("01-prune built", Statuses(result));
        Assert.AreEqual("input model changed", (string?)result["stages"]![0]!["reason"]);
    }

    [TestMethod]
    public async Task Touched_model_runs_nothing()
    {
        using var folder = new RunFolder(Prune);
        await Run(folder);
        File.SetLastWriteTimeUtc(folder.Model, DateTime.UtcNow.AddMinutes(1));

        Assert.AreEqual("01-prune cached", Statuses(await Run(folder)));
    }

    [TestMethod]
    public async Task Same_recipe_gives_the_same_bytes_in_another_place()
    {
        using var first = new RunFolder(Prune + "\n" + PruneMore);
        using var second = new RunFolder(Prune + "\n" + PruneMore);
        await Run(first);
        await Run(second);

        Assert.IsGreaterThan(3, first.Results().Count);
        CollectionAssert.AreEqual(first.Results(), second.Results());
    }

    [TestMethod]
    public async Task Failed_gate_is_an_error_at_its_line_and_publishes_nothing()
    {
        using var folder = new RunFolder(Prune, "gates:\n  sparsity: { min: 90% }");

        var result = (await ToolRunner.RunAsync("run", folder.Recipe, "--output", folder.Output)).Expect(1);

        Assert.Contains("shop.compress.yml(6,3): error CMP5001: ", result.Error);
        Assert.IsFalse(Directory.Exists(folder.Output));
    }

    [TestMethod]
    public async Task Failed_gate_of_quality_names_the_layers_that_quantization_hurts_most()
    {
        using var folder = new RunFolder("  - quantize: { scheme: int4 }", "gates:\n  psnr: { min: 90 }");

        var result = (await ToolRunner.RunAsync("run", folder.Recipe)).Expect(1);

        Assert.MatchesRegex(@"error CMP5001: psnr .*quantization adds most noise to .* \(.* dB\).*layers\.exclude of 'quantize'", result.Error);
    }

    [TestMethod]
    public async Task Passed_gate_is_remembered()
    {
        using var folder = new RunFolder(Prune, "gates:\n  sparsity: { min: 40% }");
        var first = await Run(folder);
        var second = (await ToolRunner.RunAsync("run", folder.Recipe)).Expect(0);

        Assert.IsTrue((bool)first["gates"]![0]!["passed"]!);
        Assert.Contains("(known)", second.Error);
    }

    [TestMethod]
    public async Task Error_of_a_stage_is_at_its_option()
    {
        using var folder = new RunFolder("  - prune:\n      structure: weights\n      criterion: magnitude\n      target: { sparsity: 50% }\n      layers: { include: [\"conv_im\"] }");

        var result = (await ToolRunner.RunAsync("run", folder.Recipe)).Expect(1);

        Assert.Contains("shop.compress.yml(8,27): error CMP4001: ", result.Error);
        Assert.Contains("conv_in", result.Error);
    }

    [TestMethod]
    public async Task Missing_model_is_an_error_at_its_line()
    {
        using var folder = new RunFolder(Prune);
        File.Delete(folder.Model);

        var result = (await ToolRunner.RunAsync("run", folder.Recipe)).Expect(2);

        Assert.Contains("shop.compress.yml(2,8): error CMP1101: ", result.Error);
    }

    [TestMethod]
    public async Task Damaged_model_is_an_error_at_its_line()
    {
        using var folder = new RunFolder(Prune);
        File.WriteAllText(folder.Model, "version https://git-lfs.github.com/spec/v1\n");

        var result = (await ToolRunner.RunAsync("run", folder.Recipe)).Expect(1);

        Assert.Contains("shop.compress.yml(2,8): error CMP2002: ", result.Error);
    }

    [TestMethod]
    public async Task Variables_are_set_from_the_command_line()
    {
        using var folder = new RunFolder(Prune.Replace("50%", "\"${amount}\"", StringComparison.Ordinal), "variables: { amount: 50% }");
        await Run(folder);
        var result = (await ToolRunner.RunAsync("run", folder.Recipe, "--set", "amount=30%", "--json")).Expect(0);

        Assert.AreEqual("target.sparsity 50% -> 30%", (string?)result.Json["stages"]![0]!["reason"]);
    }

    [TestMethod]
    [DataRow("amount", "CMP6004")]
    [DataRow("=5", "CMP6004")]
    public async Task Malformed_variable_is_refused(string text, string code)
    {
        using var folder = new RunFolder(Prune);

        var result = (await ToolRunner.RunAsync("run", folder.Recipe, "--set", text)).Expect(2);

        Assert.Contains($"error {code}: ", result.Error);
    }

    [TestMethod]
    public async Task Store_may_be_elsewhere()
    {
        using var folder = new RunFolder(Prune);
        using var cache = new TempFolder();

        (await ToolRunner.RunAsync("run", folder.Recipe, "--cache", cache.Path)).Expect(0);

        Assert.IsTrue(Directory.EnumerateFiles(cache.Path, "model.onnx", SearchOption.AllDirectories).Any());
        Assert.IsFalse(Directory.Exists(Path.Combine(folder.Path, "obj", "compress", "store")));
    }

    [TestMethod]
    public async Task Output_that_is_a_file_is_an_error_of_the_environment()
    {
        using var folder = new RunFolder(Prune);
        File.WriteAllText(folder.Output, "");

        var result = (await ToolRunner.RunAsync("run", folder.Recipe, "--output", folder.Output)).Expect(3);

        Assert.Contains("error CMP3105: ", result.Error);
    }

    [TestMethod]
    public async Task Plan_says_what_would_run_and_runs_nothing()
    {
        using var folder = new RunFolder(Prune + "\n" + PruneMore);
        var before = (await ToolRunner.RunAsync("plan", folder.Recipe, "--json")).Expect(0).Json;
        await Run(folder);
        folder.Write(Prune + "\n" + PruneMore.Replace("60%", "70%", StringComparison.Ordinal));
        var after = (await ToolRunner.RunAsync("plan", folder.Recipe, "--json")).Expect(0).Json;

        Assert.AreEqual("01-prune missing, 02-prune missing", Statuses(before));
        Assert.AreEqual("01-prune cached, 02-prune missing", Statuses(after));
        Assert.AreEqual("target.sparsity 60% -> 70%", (string?)after["stages"]![1]!["reason"]);
    }

    private static async Task<JsonObject> Run(RunFolder folder) =>
        (await ToolRunner.RunAsync("run", folder.Recipe, "--output", folder.Output, "--json")).Expect(0).Json;

    private static string Statuses(JsonObject result) => string.Join(", ", result["stages"]!.AsArray().Select(stage => $"{stage!["name"]} {stage["status"]}"));
}
