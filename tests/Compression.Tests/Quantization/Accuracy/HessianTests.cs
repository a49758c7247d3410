using CompressTool.Compression.Quantization.Accuracy;

namespace CompressTool.Compression.Tests.Quantization.Accuracy;

[TestClass]
public sealed class HessianTests
{
    [TestMethod]
    public void Blocks_of_any_size_make_the_same_symmetric_matrix()
    {
        const int rows = 500, size = 45;
        var inputs = Matrices.Correlated(rows, size, 1);
        var whole = new Hessian(size);
        whole.Add(inputs);
        Assert.AreEqual(rows, whole.Rows);
        var expected = whole.Complete();
        Matrices.AreClose(Matrices.Hessian(inputs, size), expected, 1e-3); // Elements are up to 100.

        var parts = new Hessian(size);
        foreach (var part in inputs.Chunk(7 * size))
        {
            parts.Add(part);
        }

        var actual = parts.Complete();
        CollectionAssert.AreEqual(expected, actual);
        CollectionAssert.AreEqual(Matrices.Transpose(actual, size, size), actual);
    }

    [TestMethod]
    public void Sums_over_many_rows_do_not_lose_what_is_small()
    {
        // In float32, 1 + 2^-24 is 1: a sum of 2^18 ones after a large one would stay where it is.
        var hessian = new Hessian(1, 1);
        hessian.Add([8192]);
        var ones = Enumerable.Repeat(1f, 1 << 18).ToArray();
        hessian.Add(ones);
        Assert.AreEqual(2 * ((8192.0 * 8192) + ones.Length) / (ones.Length + 1), hessian.Complete()[0], 1e-2);
    }

    [TestMethod]
    public void Misuse_is_refused()
    {
        var hessian = new Hessian(3);
        Assert.ThrowsExactly<InvalidOperationException>(() => hessian.Complete());
        Assert.ThrowsExactly<ArgumentException>(() => hessian.Add(new float[4]));
        hessian.Add(new float[3]);
        hessian.Complete();
        Assert.ThrowsExactly<ObjectDisposedException>(() => hessian.Add(new float[3]));
    }
}
