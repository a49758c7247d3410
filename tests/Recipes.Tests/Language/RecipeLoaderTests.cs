using CompressTool.Compression.Options;
using CompressTool.Recipes.Language;

namespace CompressTool.Recipes.Tests.Language;

[TestClass]
public sealed class RecipeLoaderTests
{
    [TestMethod]
    public void Recipe_is_read_whole()
    {
        var recipe = TestRecipe.Valid("""
            # a comment
            version: 1
            model: nets/shop.onnx
            seed: 42
            data:
              inputs: { sample: data/sample.npy, t: data/t.npy }
            stages:
              - all
              - needy: { name: head }
              - all:
                  criterion: taylor
                  layers: { include: ["a.*", op:Conv] }
            gates:
              limit: { max: 25% }
            outputs:
              - format: onnx
                name: small.onnx
            report: html
            """);

        Assert.AreEqual("shop", recipe.Name);
        Assert.AreEqual("nets/shop.onnx", recipe.Model.Text);
        Assert.AreEqual(Path.Combine(Path.GetDirectoryName(TestRecipe.File)!, "nets", "shop.onnx"), recipe.Model.FullPath);
        Assert.AreEqual(42, recipe.Seed);
        CollectionAssert.AreEqual(new[] { "sample", "t" }, recipe.Inputs!.ByName.Keys.ToArray());
        CollectionAssert.AreEqual(new[] { "all", "needy", "all" }, recipe.Stages.Select(stage => stage.Stage.Info.Kind).ToArray());
        Assert.AreEqual(Criterion.Taylor, ((AllOptions)recipe.Stages[2].Options.Value).Criterion);
        Assert.AreEqual(new SizeLimit(0.25, null), ((LimitOptions)recipe.Gates.Single().Options.Value).Max);
        Assert.AreEqual("small.onnx", recipe.Outputs.Single().FileName);
        Assert.AreEqual(ReportFormat.Html, recipe.Report);
        CollectionAssert.AreEqual(new[] { "nets/shop.onnx", "data/sample.npy", "data/t.npy" }, recipe.Files.Select(file => file.Path.Text).ToArray());
        Assert.AreEqual((3, 8), (recipe.Files[0].Location.Line, recipe.Files[0].Location.Column));
    }

    [TestMethod]
    public void Recipe_without_the_optional_keys_has_defaults()
    {
        var recipe = TestRecipe.Valid("version: 1\nmodel: m.onnx\nstages: [all]\n");

        Assert.AreEqual(0, recipe.Seed);
        Assert.IsNull(recipe.Inputs);
        Assert.IsEmpty(recipe.Gates);
        Assert.AreEqual("shop.onnx", recipe.Outputs.Single().FileName);
        Assert.IsNull(recipe.Report);
    }

    [TestMethod]
    public void Model_comes_before_folders_and_is_always_made()
    {
        var alone = TestRecipe.Valid("version: 1\nmodel: m.onnx\nstages: [all]\noutputs: { format: diffusers }\n");
        CollectionAssert.AreEqual(new[] { "shop.onnx", "shop" }, alone.Outputs.Select(output => output.FileName).ToArray());
        var named = TestRecipe.Valid("version: 1\nmodel: m.onnx\nstages: [all]\noutputs:\n  - { format: diffusers, name: small-1.5 }\n  - { format: onnx, name: small.onnx }\n");
        CollectionAssert.AreEqual(new[] { "small.onnx", "small-1.5" }, named.Outputs.Select(output => output.FileName).ToArray());
        CollectionAssert.AreEqual(new[] { OutputFormat.Onnx, OutputFormat.Diffusers }, named.Outputs.Select(output => output.Format).ToArray());
    }

    [TestMethod]
    public void Every_option_type_is_bound()
    {
        var all = TestRecipe.All("""
            { flag: true, count: 20_000, big-number: 0x10, rate: 1e-3, label: "5", criterion: n:m, share: 12.3 %, room: 1.5 KiB,
              limit: 10 MB, table: data/t.csv, layers: { include: conv*, exclude: [a, "*.b"] }, target: { macs: 0.56 },
              sizes: [1, 0o17], weights: { "a.b": 1, c: .5 }, parts: [{ name: x, weight: 2 }, { name: y }] }
            """.ReplaceLineEndings(" "));

        Assert.IsTrue(all.Flag);
        Assert.AreEqual(20_000, all.Count);
        Assert.AreEqual(16, all.BigNumber);
        Assert.AreEqual(0.001, all.Rate);
        Assert.AreEqual("5", all.Label);
        Assert.AreEqual(Criterion.NOfM, all.Criterion);
        Assert.AreEqual(new Fraction(0.123), all.Share);
        Assert.AreEqual(new ByteSize(1536), all.Room);
        Assert.AreEqual(new SizeLimit(null, 10_000_000), all.Limit);
        Assert.AreEqual("data/t.csv", all.Table!.Text);
        CollectionAssert.AreEqual(new[] { "conv*" }, all.Layers.Include.ToArray());
        CollectionAssert.AreEqual(new[] { "a", "*.b" }, all.Layers.Exclude.ToArray());
        Assert.AreEqual(new Fraction(0.56), all.Target!.Macs);
        CollectionAssert.AreEqual(new[] { 1, 15 }, all.Sizes.ToArray());
        CollectionAssert.AreEqual(new[] { ("a.b", 1.0), ("c", 0.5) }, all.Weights.Select(item => (item.Key, item.Value)).ToArray());
        CollectionAssert.AreEqual(new[] { new Part { Name = "x", Weight = 2 }, new Part { Name = "y" } }, all.Parts.ToArray());
    }

    [TestMethod]
    public void Optional_key_without_value_is_left_out()
    {
        var all = TestRecipe.All("{ limit: ~, target: null, table: }");

        Assert.IsNull(all.Limit);
        Assert.IsNull(all.Target);
        Assert.IsNull(all.Table);
    }

    [TestMethod]
    [DataRow("target.sparsity", 7, 19)]
    [DataRow("layers.include[1]", 5, 26)]
    [DataRow("layers.include[7]", 5, 18)]
    [DataRow("layers.exclude", 5, 9)]
    [DataRow("share", 3, 5)]
    [DataRow(null, 3, 5)]
    public void Option_path_leads_to_its_place(string? path, int line, int column)
    {
        var recipe = TestRecipe.Valid("version: 1\nstages:\n  - all:\n      layers:\n        include: [\"a.*\", op:Conv]\n      target:\n        sparsity: 30%\nmodel: m.onnx\n");

        var location = recipe.Stages[0].Options.LocationOf(path);

        Assert.AreEqual((line, column), (location.Line, location.Column));
    }

    [TestMethod]
    public void All_errors_are_reported_in_the_order_of_the_file()
    {
        var result = TestRecipe.Load("""
            version: 1
            stages:
              - all: { cuont: 1, share: 150%, criterion: tayler }
              - prnue
              - needy:
            gates:
              limit: { max: lots }
            outputs: [{ format: onnx, name: a/b.onnx }]
            """);

        Assert.IsNull(result.Recipe);
        CollectionAssert.AreEqual(
            new[] { "1,1 CMP1003", "3,12 CMP1002", "3,29 CMP1006", "3,46 CMP1004", "4,5 CMP1010", "5,5 CMP1003", "7,17 CMP1005", "8,33 CMP1019" },
            result.Diagnostics.Select(item => $"{item.Location.Line},{item.Location.Column} {item.Code}").ToArray());
        Assert.IsTrue(result.Diagnostics.All(item => item.Severity == Severity.Error && item.Location.File == TestRecipe.File));
    }

    [TestMethod]
    public void Diagnostic_is_written_as_msbuild_reads_it()
    {
        var diagnostic = TestRecipe.Load("version: 1\nmodel: m.onnx\nstages:\n  - all: { criterion: tayler }\n").Diagnostics.Single();

        Assert.AreEqual($"{TestRecipe.File}(4,23): error CMP1004: unknown criterion 'tayler'; did you mean 'taylor'?", diagnostic.ToString());
        Assert.AreEqual((4, 29), (diagnostic.Location.EndLine, diagnostic.Location.EndColumn));
    }

    [TestMethod]
    public void Errors_of_a_file_that_is_wrong_all_over_are_cut_off()
    {
        var keys = string.Concat(Enumerable.Range(0, 500).Select(i => $"key{i}: 1\n"));

        var diagnostics = TestRecipe.Load("version: 1\nmodel: m.onnx\nstages: [all]\n" + keys).Diagnostics;

        Assert.HasCount(101, diagnostics);
        Assert.AreEqual(RecipeErrors.TooManyErrors, diagnostics[^1].Code);
        StringAssert.StartsWith(diagnostics[^1].Message, "400 more");
    }

    [TestMethod]
    [DataRow("shop.compress.yml", "shop")]
    [DataRow("shop.compress.YAML", "shop")]
    [DataRow("a.b.yaml", "a.b")]
    [DataRow(".yml", ".yml")]
    [DataRow("recipe", "recipe")]
    public void Name_is_the_file_name_without_suffix(string file, string name) => Assert.AreEqual(name, RecipeLoader.NameOf(Path.Combine("x", file)));

    [TestMethod]
    public void Missing_file_and_folder_are_reported()
    {
        using var folder = new TempFolder();

        Assert.AreEqual(RecipeErrors.FileNotFound, RecipeLoader.Load(Path.Combine(folder.Path, "none.yml")).Diagnostics.Single().Code);
        Assert.AreEqual(RecipeErrors.ReadFailed, RecipeLoader.Load(folder.Path).Diagnostics.Single().Code);
    }

    [TestMethod]
    public void Paths_may_go_up_as_far_as_the_project_folder()
    {
        using var folder = new TempFolder();
        folder.Write("App.csproj", "<Project />");
        var recipe = folder.File("models", "deep", "a.yml");
        File.WriteAllText(recipe, "version: 1\nmodel: ../../nets/m.onnx\nstages: [all]\n");

        Assert.AreEqual(folder.Path, RecipeLoader.FindProjectFolder(recipe));
        Assert.AreEqual(RecipeErrors.PathOutsideProject, RecipeLoader.Load(recipe, TestRecipe.Options).Diagnostics.Single().Code);
        var loaded = RecipeLoader.Load(recipe, TestRecipe.Options with { ProjectFolder = folder.Path }).Recipe!;
        Assert.AreEqual(Path.Combine(folder.Path, "nets", "m.onnx"), loaded.Model.FullPath);
    }

    [TestMethod]
    public void Byte_order_mark_and_windows_line_ends_are_accepted()
    {
        var recipe = TestRecipe.Valid("\uFEFFversion: 1\r\nmodel: m.onnx\r\nstages:\r\n- all: { label: x }\r\n");

        Assert.AreEqual((4, 3), (recipe.Stages[0].Options.Location.Line, recipe.Stages[0].Options.Location.Column));
    }
}
