using System.Collections.Concurrent;
using CompressTool.Runtime.Tests.Support;

namespace CompressTool.Runtime.Tests;

[TestClass]
[DoNotParallelize]
public sealed class LoggingTests
{
    [TestMethod]
    public void Messages_reach_the_logger_and_its_failure_does_no_harm()
    {
        var messages = new ConcurrentQueue<OrtLogMessage>();
        OrtEnvironment.Logger = message =>
        {
            messages.Enqueue(message);
            throw new InvalidOperationException("a logger that fails");
        };
        try
        {
            using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.Verbose, LogId = "verbose session" };
            new InferenceSession(TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4)), options).Dispose();
        }
        finally
        {
            OrtEnvironment.Logger = null;
        }

        Assert.Contains(message => message.LogId == "verbose session" && message.Message.Length > 0 && message.CodeLocation.Length > 0, messages);
    }

    [TestMethod]
    public void Level_of_the_environment_decides_what_is_logged()
    {
        var messages = new ConcurrentQueue<OrtLogMessage>();
        OrtEnvironment.Logger = messages.Enqueue;
        try
        {
            Load();
            Assert.IsEmpty(messages);

            OrtEnvironment.Instance.LogLevel = OrtLoggingLevel.Info;
            Load();
            Assert.IsNotEmpty(messages);
        }
        finally
        {
            OrtEnvironment.Instance.LogLevel = OrtLoggingLevel.Warning;
            OrtEnvironment.Logger = null;
        }

        static void Load() => new InferenceSession(TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4))).Dispose();
    }
}
