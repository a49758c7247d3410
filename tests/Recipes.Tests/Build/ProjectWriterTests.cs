using System.Xml.Linq;
using CompressTool.Recipes.Build;

namespace CompressTool.Recipes.Tests.Build;

[TestClass]
public sealed class ProjectWriterTests
{
    [TestMethod]
    public void A_stage_depends_on_the_one_before_its_arguments_its_inputs_and_its_dependency_file()
    {
        var project = XDocument.Parse(ProjectWriter.Render(Plan("/o/shop-1/", Stage("01-prune") with { Inputs = ["/m/in.onnx"] }, Stage("02-distill-steps"))));

        var first = Target(project, "Stage01_prune");
        Assert.AreEqual("_Stage01_prune_Inputs", first.Attribute("DependsOnTargets")!.Value);
        Assert.AreEqual(
            "$(MSBuildProjectDirectory)/01-prune.args;/m/in.onnx;@(Stage01_prune_Dependency)",
            first.Attribute("Inputs")!.Value);
        Assert.AreEqual("$(MSBuildProjectDirectory)/01-prune.stamp", first.Attribute("Outputs")!.Value);
        Assert.AreEqual("01-prune", first.Element("CompressStage")!.Attribute("Stage")!.Value);

        var second = Target(project, "Stage02_distill_steps");
        Assert.AreEqual("Stage01_prune;_Stage02_distill_steps_Inputs", second.Attribute("DependsOnTargets")!.Value);
        StringAssert.StartsWith(second.Attribute("Inputs")!.Value, "$(MSBuildProjectDirectory)/01-prune.stamp;");

        var finish = Target(project, "Finish");
        Assert.AreEqual("Stage01_prune;Stage02_distill_steps;_Finish_Inputs", finish.Attribute("DependsOnTargets")!.Value);
        Assert.AreEqual("$(MSBuildProjectDirectory)/finish.stamp", finish.Attribute("Outputs")!.Value);
    }

    [TestMethod]
    public void A_stage_can_come_after_several_earlier_ones()
    {
        var merge = Stage("03-merge") with { After = ["01-prune", "02-quantize"] };
        var start = Stage("02-quantize") with { After = [] };

        var project = XDocument.Parse(ProjectWriter.Render(Plan("/o/", Stage("01-prune"), start, merge)));

        Assert.AreEqual("_Stage02_quantize_Inputs", Target(project, "Stage02_quantize").Attribute("DependsOnTargets")!.Value);
        Assert.AreEqual("Stage01_prune;Stage02_quantize;_Stage03_merge_Inputs", Target(project, "Stage03_merge").Attribute("DependsOnTargets")!.Value);
    }

    [TestMethod]
    public void A_recipe_without_stages_still_finishes()
    {
        var project = XDocument.Parse(ProjectWriter.Render(Plan("/o/") with { FinishInputs = ["/m/in.onnx"] }));

        Assert.AreEqual("$(MSBuildProjectDirectory)/finish.args;/m/in.onnx;@(Finish_Dependency)", Target(project, "Finish").Attribute("Inputs")!.Value);
    }

    [TestMethod]
    public void Odd_characters_are_escaped_for_msbuild_first_and_for_xml_second()
    {
        var text = ProjectWriter.Render(Plan("/o/", Stage("01-prune") with { Inputs = ["/a'b/c;d/$(x)/@(y)/100%/<&\">*?.onnx"] }));

        StringAssert.Contains(text, "/a%27b/c%3bd/%24%28x%29/%40%28y%29/100%25/&lt;&amp;&quot;&gt;%2a%3f.onnx");
        StringAssert.Contains(XDocument.Parse(text).ToString(), "%27");
    }

    [TestMethod]
    public void A_recipe_name_with_two_hyphens_does_not_break_the_header()
    {
        var text = ProjectWriter.Render(Plan("/o/") with { RecipeFileName = "a--b---c.yml" });

        Assert.AreEqual("Project", XDocument.Parse(text).Root!.Name.LocalName);
    }

    [TestMethod]
    public void The_folder_is_in_no_text_so_that_the_project_can_move()
    {
        Assert.AreEqual(ProjectWriter.Render(Plan("/one/", Stage("01-prune"))), ProjectWriter.Render(Plan("/two/", Stage("01-prune"))));
    }

    [TestMethod]
    public void Files_are_written_only_when_their_text_differs()
    {
        using var folder = new TempFolder();
        ProjectWriter.Write(Plan(folder.Path, Stage("01-prune"), Stage("02-quantize")));
        var past = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        foreach (var file in Directory.GetFiles(folder.Path))
        {
            File.SetLastWriteTimeUtc(file, past);
        }

        ProjectWriter.Write(Plan(folder.Path, Stage("01-prune"), Stage("02-quantize") with { ArgsText = "scheme=int8\n" }));

        string[] fresh = [.. Directory.GetFiles(folder.Path).Where(file => File.GetLastWriteTimeUtc(file) != past).Select(file => Path.GetFileName(file)!)];
        CollectionAssert.AreEqual((string[])["02-quantize.args"], fresh);
        CollectionAssert.AreEquivalent(
            (string[])["01-prune.args", "02-quantize.args", "finish.args", "shop.proj"],
            Directory.GetFiles(folder.Path).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    [DataRow("01-prune", "01-prune", DisplayName = "twice")]
    [DataRow("01-prune", "01_prune", DisplayName = "twice as a target")]
    [DataRow("01-prune", "../x", DisplayName = "leaves the folder")]
    [DataRow("01-prune", "", DisplayName = "empty")]
    public void Ids_that_cannot_name_files_and_targets_are_refused(string first, string second)
    {
        Assert.ThrowsExactly<ArgumentException>(() => ProjectWriter.Render(Plan("/o/", Stage(first), Stage(second))));
    }

    [TestMethod]
    public void A_stage_cannot_come_after_a_later_one()
    {
        Assert.ThrowsExactly<ArgumentException>(() => ProjectWriter.Render(Plan("/o/", Stage("01-prune") with { After = ["02-quantize"] }, Stage("02-quantize"))));
    }

    private static ProjectStage Stage(string id) => new(id, $"kind={id}\n", []);

    private static ProjectPlan Plan(string folder, params ProjectStage[] stages) => new()
    {
        Name = "shop",
        Folder = folder,
        RecipeFileName = "shop.compress.yml",
        Stages = stages,
        FinishArgsText = "gates\n",
        Artifacts = ["artifacts/shop.onnx", "artifacts/shop.json"],
    };

    private static XElement Target(XDocument project, string name) =>
        project.Root!.Elements("Target").Single(target => target.Attribute("Name")!.Value == name);
}
