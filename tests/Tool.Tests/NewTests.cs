using CompressTool.Recipes.Language;
using CompressTool.Tool.Commands;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests;

[TestClass]
public sealed class NewTests
{
    public static IEnumerable<object[]> Methods => RecipeText.Methods.Select(method => new object[] { method });

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public async Task Recipe_that_is_written_is_valid(string method)
    {
        using var temp = new TempFolder();
        var model = temp.Write("models/net.onnx", "");

        var json = (await ToolRunner.RunAsync("new", temp.File("shop"), "--model", model, "--method", method, "--json")).Expect(0).Json;

        var path = temp.File("shop.compress.yml");
        Assert.AreEqual(path, (string?)json["recipe"]);
        var loaded = RecipeLoader.Load(path);
        Assert.IsEmpty(loaded.Diagnostics);
        Assert.AreEqual("models/net.onnx", loaded.Recipe!.Model.Text);
        Assert.HasCount(1, loaded.Recipe.Stages);
        Assert.StartsWith("# yaml-language-server: $schema=compress.schema.json\n", File.ReadAllText(path));
        Assert.IsTrue(File.Exists(temp.File("compress.schema.json")));
    }

    [TestMethod]
    public async Task Name_is_the_models_when_none_is_given()
    {
        using var temp = new TempFolder();
        temp.Write("models/net.onnx", "");

        var result = (await ToolRunner.StartInAsync(temp.Path, null, "new", "-m", "models/net.onnx", "--method", "weights")).Expect(0);

        Assert.Contains("net.compress.yml", result.Output);
        Assert.IsTrue(File.Exists(temp.File("net.compress.yml")));
    }

    [TestMethod]
    [DataRow("#unet", "net-unet.compress.yml")]
    [DataRow("", "net.compress.yml")]
    public async Task Model_may_be_a_diffusers_folder(string component, string recipe)
    {
        using var temp = new TempFolder();
        temp.Write("net/model_index.json", "{}");
        temp.Write("net/unet/config.json", """{"_class_name":"UNet2DModel"}""");

        (await ToolRunner.StartInAsync(temp.Path, null, "new", "-m", "net" + component, "--method", "weights")).Expect(0);

        Assert.AreEqual("net" + component, RecipeLoader.Load(temp.File(recipe)).Recipe!.Model.Text);
    }

    [TestMethod]
    public async Task Recipe_is_not_overwritten_unless_forced()
    {
        using var temp = new TempFolder();
        var model = temp.Write("net.onnx", "");
        var recipe = temp.Write("net.compress.yml", "mine");

        var refused = (await ToolRunner.RunAsync("new", recipe, "--model", model, "--method", "weights")).Expect(2);
        Assert.StartsWith("error CMP6007: ", refused.Error);
        Assert.AreEqual("mine", File.ReadAllText(recipe));

        (await ToolRunner.RunAsync("new", recipe, "--model", model, "--method", "weights", "--force")).Expect(0);
        Assert.AreNotEqual("mine", File.ReadAllText(recipe));
    }

    [TestMethod]
    [DataRow("models/a b.onnx")]
    [DataRow("models/ü: #1.onnx")]
    [DataRow("models/${x}.onnx")]
    [DataRow("-.onnx")]
    [DataRow("1.onnx")]
    public async Task Path_of_the_model_may_be_any(string name)
    {
        using var temp = new TempFolder();
        var model = temp.Write(name, "");

        (await ToolRunner.RunAsync("new", temp.File("r"), "--model", model, "--method", "weights")).Expect(0);

        Assert.AreEqual(model, RecipeLoader.Load(temp.File("r.compress.yml")).Recipe!.Model.FullPath);
    }

    [TestMethod]
    [DataRow("new x --model missing.onnx --method fp16", "CMP2001", "missing.onnx")]
    [DataRow("new x --method fp16", "CMP6003", "'new' needs the option --model FILE")]
    [DataRow("new x --model missing.onnx", "CMP6003", "'new' needs the option --method")]
    [DataRow("new x --model missing.onnx --method int5", "CMP6004", "'int5' is not a method; did you mean 'int8'?")]
    public async Task Bad_command_line_is_refused(string commandLine, string code, string message)
    {
        var result = (await ToolRunner.RunAsync(commandLine.Split(' '))).Expect(2);

        Assert.StartsWith($"error {code}: ", result.Error);
        Assert.Contains(message, result.Error);
    }

    [TestMethod]
    public async Task Model_outside_the_project_is_refused_and_nothing_is_written()
    {
        using var project = new TempFolder();
        using var elsewhere = new TempFolder();
        project.Write("app.csproj", "");
        var model = elsewhere.Write("net.onnx", "");

        var result = (await ToolRunner.RunAsync("new", project.File("net"), "--model", model, "--method", "weights")).Expect(2);

        Assert.StartsWith("error CMP1017: ", result.Error);
        Assert.IsFalse(File.Exists(project.File("net.compress.yml")));
    }
}
