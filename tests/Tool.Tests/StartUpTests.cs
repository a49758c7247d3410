using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests;

[TestClass]
public sealed class StartUpTests
{
    [TestMethod]
    public async Task Version_is_one_line_and_the_same_by_both_ways()
    {
        var fast = (await ToolRunner.StartAsync("--version")).Expect(0);
        var parsed = (await ToolRunner.StartAsync("--version", "--no-color")).Expect(0);

        Assert.MatchesRegex(@"^\d+\.\d+\.\d+\S*\r?\n$", fast.Output);
        Assert.AreEqual(fast.Output, parsed.Output);
        Assert.AreEqual("", fast.Error + parsed.Error);
    }
}
