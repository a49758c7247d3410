using System.Diagnostics;
using CompressTool.Runtime.Tests.Support;

namespace CompressTool.Runtime.Tests;

[TestClass]
public sealed class CancellationTests
{
    private static readonly TimeSpan s_soon = TimeSpan.FromMilliseconds(200);

    // The loop would take hours.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    [TestMethod]
    public void Long_run_ends_soon_after_cancellation()
    {
        using var session = new InferenceSession(TinyModel.LongLoop());
        using var loop = new Loop(long.MaxValue);
        using var cancellation = new CancellationTokenSource(s_soon);
        var watch = Stopwatch.StartNew();

        var exception = Assert.ThrowsExactly<OperationCanceledException>(() => session.Run(loop.Inputs, cancellationToken: cancellation.Token));

        Assert.AreEqual(cancellation.Token, exception.CancellationToken);
        Assert.IsGreaterThanOrEqualTo(s_soon - TimeSpan.FromMilliseconds(50), watch.Elapsed);
        Assert.IsLessThan(s_limit, watch.Elapsed);
    }

    [TestMethod]
    public void Session_runs_again_after_a_cancelled_run()
    {
        using var session = new InferenceSession(TinyModel.LongLoop());
        using var options = new RunOptions();
        using var endless = new Loop(long.MaxValue);
        using var three = new Loop(3);
        foreach (var used in new[] { null, options })
        {
            using var cancellation = new CancellationTokenSource(s_soon);
            Assert.ThrowsExactly<OperationCanceledException>(() => session.Run(endless.Inputs, options: used, cancellationToken: cancellation.Token));

            using var later = new CancellationTokenSource();
            using var outputs = session.Run(three.Inputs, options: used, cancellationToken: later.Token);

            Assert.AreEqual(1, outputs[0].GetTensorDataAsSpan<float>()[0], 1e-3f);
        }
    }

    [TestMethod]
    public void Bound_run_ends_soon_after_cancellation()
    {
        using var session = new InferenceSession(TinyModel.LongLoop());
        using var loop = new Loop(long.MaxValue);
        using var binding = session.CreateIoBinding();
        foreach (var (name, value) in loop.Inputs)
        {
            binding.BindInput(name, value);
        }

        binding.BindOutputToDevice("y", OrtMemoryInfo.Cpu);
        using var cancellation = new CancellationTokenSource(s_soon);
        var watch = Stopwatch.StartNew();

        Assert.ThrowsExactly<OperationCanceledException>(() => session.RunWithBinding(binding, cancellationToken: cancellation.Token));

        Assert.IsLessThan(s_limit, watch.Elapsed);
    }

    [TestMethod]
    public void Terminate_ends_a_run_with_an_error()
    {
        using var session = new InferenceSession(TinyModel.LongLoop());
        using var loop = new Loop(long.MaxValue);
        using var options = new RunOptions();
        using var timer = new Timer(_ => options.Terminate = true, null, s_soon, Timeout.InfiniteTimeSpan);

        var exception = Assert.ThrowsExactly<OnnxRuntimeException>(() => session.Run(loop.Inputs, options: options));

        StringAssert.Contains(exception.Message, "terminate");
    }

    [TestMethod]
    public void Cancelled_token_starts_nothing()
    {
        using var session = new InferenceSession(TinyModel.LongLoop());
        using var loop = new Loop(long.MaxValue);
        var cancelled = new CancellationToken(canceled: true);

        Assert.ThrowsExactly<OperationCanceledException>(() => session.Run(loop.Inputs, cancellationToken: cancelled));
        Assert.ThrowsExactly<OperationCanceledException>(() => new InferenceSession(Reference.UNet, cancellationToken: cancelled));
    }

    [TestMethod]
    public void Options_load_again_after_a_cancelled_load()
    {
        using var options = new SessionOptions();
        using var cancellation = new CancellationTokenSource();
        using (options.CancelLoadingOn(cancellation.Token))
        {
            cancellation.Cancel();

            // The flag is set, as it would be while another thread loads.
            var exception = Assert.ThrowsExactly<OnnxRuntimeException>(() => new InferenceSession(Reference.UNet, options));
            Assert.AreEqual(OrtErrorCode.ModelLoadCanceled, exception.Status);
        }

        using var session = new InferenceSession(Reference.UNet, options);
        Assert.HasCount(2, session.InputNames);
    }

    private sealed class Loop(long trips) : IDisposable
    {
        public Dictionary<string, OrtValue> Inputs { get; } = new()
        {
            ["trips"] = OrtValue.CreateTensorValueFromMemory([trips], []),
            ["x"] = OrtValue.CreateTensorValueFromMemory(Enumerable.Repeat(1f, 256 * 256).ToArray(), [256, 256]),
        };

        public void Dispose() => Inputs.DisposeAll();
    }
}
