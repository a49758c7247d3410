using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Tool.Tests;

[TestClass]
public sealed class ExitCodesTests
{
    [TestMethod]
    [DataRow("CMP1004", false, 2)]
    [DataRow("CMP1101", false, 2)]
    [DataRow("CMP2001", false, 1)]
    [DataRow("CMP2001", true, 2)]
    [DataRow("CMP2008", true, 3)]
    [DataRow("CMP3001", true, 3)]
    [DataRow("CMP3005", false, 1)]
    [DataRow("CMP3007", true, 2)]
    [DataRow("CMP3008", true, 1)]
    [DataRow("CMP3102", false, 3)]
    [DataRow("CMP4002", true, 1)]
    [DataRow("CMP5001", false, 1)]
    [DataRow("CMP6002", false, 2)]
    [DataRow("CMP6097", false, 3)]
    [DataRow("CMP6098", false, 3)]
    [DataRow("CMP6099", true, 1)]
    [DataRow("CMP8004", false, 1)]
    [DataRow("CMP8004", true, 2)]
    public void Exit_code_follows_from_the_error_code(string code, bool filesAreArguments, int expected)
    {
        Assert.AreEqual(expected, ExitCodes.For(new ErrorCode(code, "", ""), filesAreArguments));
    }
}
