using CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

namespace CompressTool.Compression.Tests.Quantization.Accuracy;

[TestClass]
public sealed class MatrixProductTests
{
    [TestMethod]
    [DataRow(1, 1, 1)]
    [DataRow(6, 32, 192)]
    [DataRow(7, 33, 193)]
    [DataRow(50, 130, 400)]
    [DataRow(400, 17, 5)]
    public void Products_equal_those_of_a_plain_loop_in_every_type(int rows, int columns, int inner)
    {
        var (a, b, c) = (Matrices.Random(rows * inner, 1), Matrices.Random(inner * columns, 2), Matrices.Random(rows * columns, 3));
        var expected = Matrices.Product(Matrices.Doubles(a), Matrices.Doubles(b), rows, columns, inner).Zip(c, (product, start) => start - (2 * product)).ToArray();
        var tolerance = 1e-5 * Math.Sqrt(inner);

        float[] singles = [.. c];
        MatrixProduct<float>.Add(rows, columns, inner, Operand<float>.Rows(a, inner), Operand<float>.Rows(b, columns), Operand<float>.Rows(singles, columns), -2);
        Matrices.AreClose(expected, Matrices.Doubles(singles), tolerance);

        var mixed = Matrices.Doubles(c);
        MatrixProduct<float>.Add(
            rows, columns, inner, Operand<double>.Rows(Matrices.Doubles(a), inner), Operand<float>.Rows(b, columns), Operand<double>.Rows(mixed, columns), -2);
        Matrices.AreClose(expected, mixed, tolerance);

        var doubles = Matrices.Doubles(c);
        MatrixProduct<double>.Add(rows, columns, inner, Operand<float>.Rows(a, inner), Operand<float>.Rows(b, columns), Operand<double>.Rows(doubles, columns), -2);
        Matrices.AreClose(expected, doubles, 1e-12 * inner);
    }

    [TestMethod]
    public void Factors_can_be_stored_in_any_direction()
    {
        const int rows = 40, columns = 70, inner = 210;
        var (a, b) = (Matrices.Random(rows * inner, 1), Matrices.Random(inner * columns, 2));
        var expected = Matrices.Product(Matrices.Doubles(a), Matrices.Doubles(b), rows, columns, inner);

        var (down, across) = (Matrices.Transpose(a, rows, inner), Matrices.Transpose(b, inner, columns));
        var transposed = new double[rows * columns];
        MatrixProduct<double>.Add(rows, columns, inner, Operand<float>.Columns(down, rows), Operand<float>.Columns(across, inner), Operand<double>.Rows(transposed, columns), 1);
        Matrices.AreClose(expected, transposed, 1e-11);

        float[] backwards = [.. a.Reverse()];
        var reversed = new double[rows * columns];
        MatrixProduct<double>.Add(
            rows, columns, inner, new Operand<float>(backwards, backwards.Length - 1, -inner, -1), Operand<float>.Rows(b, columns), Operand<double>.Rows(reversed, columns), 1);
        Matrices.AreClose(expected, reversed, 1e-11);
    }

    [TestMethod]
    public void The_upper_triangle_is_complete_and_what_surrounds_the_result_stays()
    {
        const int size = 77, inner = 30, step = size + 3;
        var a = Matrices.Random(size * inner, 1);
        var doubles = Matrices.Doubles(a);
        var expected = Matrices.Product(doubles, Matrices.Transpose(doubles, size, inner), size, size, inner);
        var result = new double[(size * step) + 5];
        MatrixProduct<double>.Add(size, size, inner, Operand<float>.Rows(a, inner), Operand<float>.Columns(a, inner), Operand<double>.Rows(result, step, 5), 1, isUpper: true);
        for (var i = 0; i < size; i++)
        {
            for (var j = i; j < size; j++)
            {
                Assert.AreEqual(expected[(i * size) + j], result[5 + (i * step) + j], 1e-12);
            }

            CollectionAssert.AreEqual(new double[3], result[(5 + (i * step) + size)..(5 + (i * step) + step)]);
        }
    }

    [TestMethod]
    public void The_number_of_threads_changes_no_bit()
    {
        const int size = 150, inner = 500;
        var (a, b) = (Matrices.Random(size * inner, 1), Matrices.Random(inner * size, 2));
        var (one, many) = (new float[size * size], new float[size * size]);
        MatrixProduct<float>.Add(size, size, inner, Operand<float>.Rows(a, inner), Operand<float>.Rows(b, size), Operand<float>.Rows(one, size), 1, threads: 1);
        MatrixProduct<float>.Add(size, size, inner, Operand<float>.Rows(a, inner), Operand<float>.Rows(b, size), Operand<float>.Rows(many, size), 1, threads: 4);
        CollectionAssert.AreEqual(one, many);
    }
}
