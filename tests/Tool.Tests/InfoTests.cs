using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests;

[TestClass]
public sealed class InfoTests
{
    [TestMethod]
    public async Task Info_tells_the_library_and_why_it_was_chosen()
    {
        var json = (await ToolRunner.StartAsync("info", "--json")).Expect(0).Json;

        var runtime = json["onnxruntime"]!;
        Assert.MatchesRegex(@"^1\.\d+\.\d+", (string)runtime["version"]!);
        Assert.IsTrue(File.Exists((string)runtime["path"]!));
        Assert.AreEqual("bundled", (string?)runtime["reason"]);
        Assert.Contains("CPUExecutionProvider", runtime["providers"]!.ToJsonString());
        Assert.IsGreaterThan(0, (int)json["cpu"]!["cores"]!);
        Assert.StartsWith((string)json["cpu"]!["architecture"]!, (string)json["cpu"]!["class"]!);
        Assert.IsGreaterThan(1L << 20, (long)json["memory"]!);
    }

    [TestMethod]
    public async Task Library_that_is_given_is_used()
    {
        using var temp = new TempFolder();
        var bundled = (string)(await ToolRunner.StartAsync("info", "--json")).Expect(0).Json["onnxruntime"]!["path"]!;
        var copy = temp.File("mine", Path.GetFileName(bundled));
        File.Copy(bundled, copy);

        var result = (await ToolRunner.StartAsync("info", "--onnxruntime", Path.GetDirectoryName(copy)!)).Expect(0);

        Assert.Contains(copy, result.Output);
        Assert.Contains("--onnxruntime", result.Output);
    }

    [TestMethod]
    public async Task Library_that_is_not_there_is_an_error_of_the_environment()
    {
        var result = (await ToolRunner.StartAsync("info", "--onnxruntime", "nowhere", "--json")).Expect(3);

        Assert.AreEqual("CMP3001", (string?)result.Json["errors"]![0]!["code"]);
        Assert.StartsWith("error CMP3001: ", result.Error);
    }
}
