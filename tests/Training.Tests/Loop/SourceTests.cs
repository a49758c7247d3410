using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Loop;

namespace CompressTool.Training.Tests.Loop;

[TestClass]
public sealed class SourceTests
{
    [TestMethod]
    public void Tensors_are_taken_once_an_epoch_and_stay_together()
    {
        var source = new ArraySource([new("x", Tensor.Floats([5, 2], 0, 0.5f, 1, 1.5f, 2, 2.5f, 3, 3.5f, 4, 4.5f)), new("label", Tensor.Int64s(0, 1, 2, 3, 4))], 2);
        var labels = new List<long>();
        for (var step = 0; step < 10; step++)
        {
            using var batch = source.Read(3, step, CancellationToken.None);
            using var again = source.Read(3, step, CancellationToken.None);
            var (x, label) = (batch.Arrays["x"].AsSpan<float>().ToArray(), batch.Arrays["label"].AsSpan<long>().ToArray());
            CollectionAssert.AreEqual(label.SelectMany(l => new[] { l, l + 0.5f }).ToArray(), x);
            CollectionAssert.AreEqual(x, again.Arrays["x"].AsSpan<float>().ToArray());
            labels.AddRange(label);
        }

        foreach (var epoch in labels.Chunk(5))
        {
            CollectionAssert.AreEqual(new long[] { 0, 1, 2, 3, 4 }, epoch.Order().ToArray());
        }

        Assert.IsGreaterThan(1, labels.Chunk(5).Select(epoch => string.Join(',', epoch)).Distinct().Count());
        using var later = source.Read(3, 7, CancellationToken.None);
        CollectionAssert.AreEqual(labels[14..16], later.Arrays["label"].AsSpan<long>().ToArray());
    }

    [TestMethod]
    public void Tensors_come_as_they_are_stored_when_they_are_not_shuffled()
    {
        var source = new ArraySource([new("label", Tensor.Int64s(0, 1, 2, 3, 4))], 3, shuffle: false);
        using var batch = source.Read(1, 3, CancellationToken.None);
        CollectionAssert.AreEqual(new long[] { 4, 0, 1 }, batch.Arrays["label"].AsSpan<long>().ToArray());
    }

    [TestMethod]
    public void Unsuitable_data_is_refused()
    {
        void Fails(string expected, Func<object> act)
        {
            var error = Assert.ThrowsExactly<CompressToolException>(act);
            Assert.IsTrue(error.Code == TrainingErrors.InvalidData || error.Code == TrainingErrors.InvalidOption);
            StringAssert.Contains(error.Message, expected);
        }

        Fails("there are no tensors", () => new ArraySource([], 1));
        Fails("'a' has 2 samples, but 'b' has 3", () => new ArraySource([new("b", Tensor.Int64s(1, 2, 3)), new("a", Tensor.Int64s(1, 2))], 1));
        Fails("'a' is int64[]; its first dimension must be the number of samples", () => new ArraySource([new("a", Tensor.Int64(1))], 1));
        Fails("the batch size is 0", () => new ArraySource([new("a", Tensor.Int64s(1))], 0));
        Fails("int64[3] does not hold images", () => new ImageSource(Tensor.Int64s(1, 2, 3), new ImageSourceOptions { BatchSize = 1 }));
        Fails("there are 2 images, but 'label' is int64[3]", () => new ImageSource(Gray(), new ImageSourceOptions { BatchSize = 1 }, [new("label", Tensor.Int64s(1, 2, 3))]));
        Fails("images of 2 x 2 pixels cannot be padded to 1 x 4", () => new ImageSource(Gray(), new ImageSourceOptions { BatchSize = 1, Size = (1, 4) }));
    }

    [TestMethod]
    public void Gray_images_are_normalised_and_padded_with_black()
    {
        var source = new ImageSource(Gray(), new ImageSourceOptions { BatchSize = 2, Shuffle = false, Size = (4, 5) });
        using var batch = source.Read(1, 0, CancellationToken.None);

        var array = batch.Arrays["sample"];
        CollectionAssert.AreEqual(new long[] { 2, 1, 4, 5 }, array.Dims.ToArray());
        float[] row(params float[] inner) => [-1, .. inner, -1, -1];
        float[] black = [-1, -1, -1, -1, -1];
        float[] expected =
        [
            .. black, .. row(0 / 127.5f - 1, 51 / 127.5f - 1), .. row(102 / 127.5f - 1, 153 / 127.5f - 1), .. black,
            .. black, .. row(204 / 127.5f - 1, 1), .. row(1 / 127.5f - 1, 2 / 127.5f - 1), .. black,
        ];
        CollectionAssert.AreEqual(expected, array.AsSpan<float>().ToArray());
    }

    [TestMethod]
    public void Channels_come_first_whatever_the_tensor_has()
    {
        var last = Enumerable.Range(0, 2 * 2 * 5 * 3).Select(i => (float)i / 60).ToArray();
        var first = new float[60];
        for (var n = 0; n < 2; n++)
        {
            for (var p = 0; p < 10; p++)
            {
                for (var c = 0; c < 3; c++)
                {
                    first[(n * 30) + (c * 10) + p] = last[(n * 30) + (p * 3) + c];
                }
            }
        }

        var options = new ImageSourceOptions { BatchSize = 2, Shuffle = false, Input = "x" };
        using var a = new ImageSource(Tensor.Floats([2, 2, 5, 3], last), options).Read(1, 0, CancellationToken.None);
        using var b = new ImageSource(Tensor.Floats([2, 3, 2, 5], first), options).Read(1, 0, CancellationToken.None);

        CollectionAssert.AreEqual(new long[] { 2, 3, 2, 5 }, a.Arrays["x"].Dims.ToArray());
        CollectionAssert.AreEqual(first.Select(x => (2 * x) - 1).ToArray(), a.Arrays["x"].AsSpan<float>().ToArray());
        CollectionAssert.AreEqual(a.Arrays["x"].AsSpan<float>().ToArray(), b.Arrays["x"].AsSpan<float>().ToArray());
    }

    [TestMethod]
    public void Half_of_the_images_are_mirrored_as_seed_and_step_say()
    {
        var source = new ImageSource(Gray(), new ImageSourceOptions { BatchSize = 2, Shuffle = false, Flip = true });
        var flipped = 0;
        const int steps = 500;
        for (var step = 0; step < steps; step++)
        {
            using var batch = source.Read(1, step, CancellationToken.None);
            using var again = source.Read(1, step, CancellationToken.None);
            var pixels = batch.Arrays["sample"].AsSpan<float>().ToArray();
            CollectionAssert.AreEqual(pixels, again.Arrays["sample"].AsSpan<float>().ToArray());
            var flip = pixels[0] == (51 / 127.5f) - 1;
            CollectionAssert.AreEqual((flip ? new[] { 51, 0, 153, 102f } : [0, 51, 102, 153]).Select(x => (x / 127.5f) - 1).ToArray(), pixels[..4]);
            flipped += flip ? 1 : 0;
        }

        Assert.AreEqual(steps / 2, flipped, 5 * Math.Sqrt(steps) / 2);
    }

    [TestMethod]
    public void Labels_go_with_their_images()
    {
        var source = new ImageSource(Gray(), new ImageSourceOptions { BatchSize = 3 }, [new("label", Tensor.Int64s(10, 11))]);
        for (var step = 0; step < 5; step++)
        {
            using var batch = source.Read(1, step, CancellationToken.None);
            for (var i = 0; i < 3; i++)
            {
                Assert.AreEqual(batch.Arrays["label"].AsSpan<long>()[i] == 10 ? -1 : (204 / 127.5f) - 1, batch.Arrays["sample"].AsSpan<float>()[i * 4]);
            }
        }
    }

    [TestMethod]
    public void Images_come_from_npy_files()
    {
        using var folder = new TempFolder();
        NpyFile.Write(folder.File("images.npy"), Gray());
        var source = new ImageSource(NpyFile.Read(folder.File("images.npy")), new ImageSourceOptions { BatchSize = 1 });
        Assert.AreEqual((1, 2, 2), (source.Channels, source.OutputHeight, source.OutputWidth));
        var inMemory = new ImageSource(Gray(), new ImageSourceOptions { BatchSize = 1 });
        CollectionAssert.AreEqual(inMemory.Describe().ToArray(), source.Describe().ToArray());
    }

    private static Tensor Gray() => Tensor.Create<byte>(DataType.UInt8, [2, 2, 2], [0, 51, 102, 153, 204, 255, 1, 2]);
}
