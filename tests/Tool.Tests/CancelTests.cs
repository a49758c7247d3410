using System.Diagnostics;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests;

[TestClass]
public sealed class CancelTests
{
    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    [DataRow("INT")]
    [DataRow("TERM")]
    public async Task Signal_cancels_the_work(string signal)
    {
        using var temp = new TempFolder();

        var result = await StartSlow(temp, process => Process.Start("kill", [$"-{signal}", $"{process.Id}"]).WaitForExit());

        AssertCancelled(result, temp);
    }

    [TestMethod]
    public async Task Cancel_file_cancels_the_work()
    {
        using var temp = new TempFolder();
        var file = temp.File("cancel");

        var result = await StartSlow(temp, _ => File.WriteAllText(file, ""), "--cancel-file", file);

        AssertCancelled(result, temp);
    }

    private static Task<ToolResult> StartSlow(TempFolder temp, Action<Process> running, params string[] args)
    {
        var model = Models.WriteSlow(temp);
        return ToolRunner.StartInAsync(temp.Path, running, ["infer", model, "--input", "x=" + temp.File("x.npy"), "--output", "out", "--verbosity", "detailed", .. args]);
    }

    private static void AssertCancelled(ToolResult result, TempFolder temp)
    {
        result.Expect(130);
        var lines = result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.HasCount(2, lines);
        Assert.StartsWith("ONNX Runtime", lines[0]);
        Assert.AreEqual("cancelled", lines[1]);
        Assert.AreEqual("", result.Output);
        Assert.IsFalse(Directory.Exists(temp.File("out")));
    }
}
