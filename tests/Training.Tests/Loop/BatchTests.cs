using System.Collections.Concurrent;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Loop;

namespace CompressTool.Training.Tests.Loop;

[TestClass]
public sealed class BatchTests
{
    [TestMethod]
    public void A_slice_is_a_view_of_some_samples()
    {
        using var batch = new Batch(4, new Dictionary<string, NativeArray> { ["x"] = NativeArray.From(Tensor.Floats([4, 2], 0, 1, 2, 3, 4, 5, 6, 7)), ["y"] = NativeArray.From(Tensor.Floats([4], 0, 1, 2, 3)) });

        using var slice = batch.Slice(1, 2);
        batch.Arrays["x"].AsSpan<float>()[3] = 42;

        Assert.AreEqual(2, slice.Count);
        CollectionAssert.AreEqual(new float[] { 2, 42, 4, 5 }, slice.Arrays["x"].AsSpan<float>().ToArray());
        CollectionAssert.AreEqual(new float[] { 1, 2 }, slice.Arrays["y"].AsSpan<float>().ToArray());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => batch.Slice(3, 2));
    }

    [TestMethod]
    public void Arrays_of_another_number_of_samples_are_refused()
    {
        using var array = NativeArray.From(Tensor.Floats([4, 2], 0, 1, 2, 3, 4, 5, 6, 7));
        var error = Assert.ThrowsExactly<CompressToolException>(() => new Batch(3, new Dictionary<string, NativeArray> { ["x"] = array }));
        Assert.AreEqual("'x' is float32[4,2]; its first dimension must be the number of samples, 3", error.Message);
    }

    [TestMethod]
    public void Batches_are_read_ahead_in_order_but_not_too_far()
    {
        var source = new CountingSource();
        using var prefetcher = new BatchPrefetcher(source, 9, (5, 12), 2, CancellationToken.None);
        for (long step = 5; step < 12; step++)
        {
            using var batch = prefetcher.Next(CancellationToken.None);
            Assert.AreEqual(step, batch.Arrays["step"].AsSpan<long>()[0]);
            Assert.IsLessThanOrEqualTo(step + 4, source.Last); // two wait, one is about to be handed over, one is being read
        }

        SpinWait.SpinUntil(() => source.Last == 11, 10_000);
        Assert.AreEqual(11, source.Last);
    }

    [TestMethod]
    public void An_error_of_the_source_comes_out_after_the_batches_before_it()
    {
        var source = new CountingSource { FailAt = 2 };
        using var prefetcher = new BatchPrefetcher(source, 9, (0, 5), 4, CancellationToken.None);
        prefetcher.Next(CancellationToken.None).Dispose();
        prefetcher.Next(CancellationToken.None).Dispose();
        Assert.AreEqual("no step 2", Assert.ThrowsExactly<CompressToolException>(() => prefetcher.Next(CancellationToken.None)).Message);
    }

    [TestMethod]
    public void Reading_ends_with_its_user_and_leaves_no_batch()
    {
        var source = new CountingSource();
        using (var prefetcher = new BatchPrefetcher(source, 9, (0, 1000), 3, CancellationToken.None))
        {
            prefetcher.Next(CancellationToken.None).Dispose();
            SpinWait.SpinUntil(() => source.Last >= 3, 10_000);
        }

        Assert.IsLessThan(10, source.Last);
        foreach (var array in source.Given)
        {
            Assert.ThrowsExactly<ObjectDisposedException>(() => array.Pointer);
        }
    }

    [TestMethod]
    public void Waiting_for_a_batch_can_be_cancelled()
    {
        using var cancel = new CancellationTokenSource();
        using var prefetcher = new BatchPrefetcher(new CountingSource { HangAt = 1 }, 9, (0, 5), 1, cancel.Token);
        prefetcher.Next(cancel.Token).Dispose();
        cancel.CancelAfter(50);
        Assert.Throws<OperationCanceledException>(() => prefetcher.Next(cancel.Token));
    }

    private sealed class CountingSource : IBatchSource
    {
        public ConcurrentBag<NativeArray> Given { get; } = [];

        public long FailAt { get; init; } = -1;

        public long HangAt { get; init; } = -1;

        public long Last { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); } = -1;

        public IEnumerable<KeyValuePair<string, string>> Describe() => [];

        public Batch Read(ulong seed, long step, CancellationToken cancellationToken)
        {
            Assert.AreEqual(9ul, seed);
            if (step == FailAt)
            {
                throw new CompressToolException(TrainingErrors.InvalidData, $"no step {step}");
            }

            if (step == HangAt)
            {
                cancellationToken.WaitHandle.WaitOne();
                cancellationToken.ThrowIfCancellationRequested();
            }

            Last = step;
            var array = NativeArray.From(Tensor.Int64s(step));
            Given.Add(array);
            return new Batch(1, new Dictionary<string, NativeArray> { ["step"] = array });
        }
    }
}
