using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests;

/// <summary>Every kind of wrong command line: exit code 2, the code and the way out on standard error, nothing on standard output.</summary>
[TestClass]
public sealed class BadCommandLineTests
{
    [TestMethod]
    [DataRow("", "CMP6001", "a command is missing")]
    [DataRow("inf", "CMP6001", "unknown command 'inf'; did you mean 'info'?")]
    [DataRow("zzzzzzz", "CMP6001", "known: ")]
    [DataRow("--jsno", "CMP6002", "unknown option '--jsno'; did you mean '--json'?")]
    [DataRow("info --onxruntime x", "CMP6002", "did you mean '--onnxruntime'?")]
    [DataRow("info --version", "CMP6002", "unknown option '--version'")]
    [DataRow("info extra", "CMP6005", "'info' takes no argument 'extra'")]
    [DataRow("info --verbosity", "CMP6003", "'--verbosity' needs a value: quiet|normal|detailed")]
    [DataRow("info --verbosity loud", "CMP6004", "'loud' is not a value of --verbosity; known: quiet, normal, detailed")]
    [DataRow("info --verbosity detaild", "CMP6004", "did you mean 'detailed'?")]
    [DataRow("info --verbosity 1", "CMP6004", "'1' is not a value of --verbosity")]
    [DataRow("info --onnxruntime", "CMP6003", "'--onnxruntime' needs a value: PATH")]
    [DataRow("info --log teamcity", "CMP6004", "'teamcity' is not a log format")]
    [DataRow("info @missing.rsp", "CMP6004", "missing.rsp")]
    public async Task Bad_command_line_is_refused(string commandLine, string code, string message)
    {
        var result = (await ToolRunner.RunAsync(commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries))).Expect(2);

        Assert.AreEqual("", result.Output);
        Assert.StartsWith($"error {code}: ", result.Error);
        Assert.Contains(message, result.Error);
    }

    [TestMethod]
    public async Task Bad_command_line_with_json_prints_one_object()
    {
        var result = (await ToolRunner.RunAsync("info", "--jso", "--json")).Expect(2);

        var error = result.Json["errors"]![0]!;
        Assert.AreEqual("CMP6002", (string?)error["code"]);
        Assert.AreEqual("unknown option '--jso'; did you mean '--json'?", (string?)error["message"]);
        Assert.AreEqual(2, (int?)result.Json["exitCode"]);
    }

    [TestMethod]
    public async Task Json_and_build_log_exclude_each_other()
    {
        var result = (await ToolRunner.RunAsync("info", "--json", "--log", "msbuild")).Expect(2);

        Assert.AreEqual("CMP6006", (string?)result.Json["errors"]![0]!["code"]);
    }

    [TestMethod]
    public async Task Empty_command_line_shows_the_commands_on_standard_error()
    {
        var result = (await ToolRunner.RunAsync()).Expect(2);

        Assert.Contains("Commands:", result.Error);
        Assert.AreEqual("", result.Output);
    }

    [TestMethod]
    public async Task Help_that_is_asked_for_goes_to_standard_output()
    {
        var result = (await ToolRunner.RunAsync("info", "--help")).Expect(0);

        Assert.Contains("dotnet compress info", result.Output);
        Assert.AreEqual("", result.Error);
    }

    [TestMethod]
    public async Task Hidden_options_are_not_in_the_help()
    {
        var result = (await ToolRunner.RunAsync("--help")).Expect(0);

        Assert.Contains("--onnxruntime", result.Output);
        Assert.DoesNotContain("--cancel-file", result.Output);
        Assert.DoesNotContain("--log", result.Output);
    }
}
