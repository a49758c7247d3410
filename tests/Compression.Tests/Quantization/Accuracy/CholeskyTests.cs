using CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

namespace CompressTool.Compression.Tests.Quantization.Accuracy;

[TestClass]
public sealed class CholeskyTests
{
    [TestMethod]
    [DataRow(1)]
    [DataRow(128)]
    [DataRow(129)]
    [DataRow(430)]
    public void The_factor_equals_that_of_a_plain_loop(int size)
    {
        var matrix = Matrices.Hessian(Matrices.Correlated(3 * size, size, 1), size);
        var expected = Matrices.UpperCholesky(matrix, size);
        Assert.IsTrue(Cholesky.Factorize(matrix, size));
        for (var i = 0; i < size; i++)
        {
            Matrices.AreClose(expected[((i * size) + i)..((i + 1) * size)], matrix[((i * size) + i)..((i + 1) * size)], 1e-10);
        }
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(200)]
    [DataRow(299)]
    public void Matrices_that_are_not_positive_definite_are_refused(int place)
    {
        const int size = 300;
        var matrix = Matrices.Identity(size);
        matrix[place * (size + 1)] = -1;
        Assert.IsFalse(Cholesky.Factorize([.. matrix], size));
        matrix[place * (size + 1)] = double.NaN;
        Assert.IsFalse(Cholesky.Factorize(matrix, size));
    }
}
