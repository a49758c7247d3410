namespace CompressTool.Compression.Tests.Quantization.Accuracy;

/// <summary>Matrices for tests, and plain arithmetic to compare with.</summary>
internal static class Matrices
{
    /// <summary>Normal numbers.</summary>
    public static float[] Random(int count, int seed, double deviation = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(deviation * Normal(random)))];
    }

    /// <summary>Rows whose columns are correlated, of different sizes: each follows the one before and a common part.</summary>
    public static float[] Correlated(int rows, int columns, int seed)
    {
        var random = new Random(seed);
        var result = new float[rows * columns];
        for (var row = 0; row < rows; row++)
        {
            var (common, before) = (Normal(random), 0.0);
            for (var column = 0; column < columns; column++)
            {
                before = (0.8 * before) + (0.6 * Normal(random));
                result[(row * columns) + column] = (float)((before + (0.5 * common)) * (1 + (column % 7)));
            }
        }

        return result;
    }

    /// <summary>A B of [m, k] and [k, n] in float64.</summary>
    public static double[] Product(double[] a, double[] b, int m, int n, int k)
    {
        var result = new double[m * n];
        for (var i = 0; i < m; i++)
        {
            for (var p = 0; p < k; p++)
            {
                for (var j = 0; j < n; j++)
                {
                    result[(i * n) + j] += a[(i * k) + p] * b[(p * n) + j];
                }
            }
        }

        return result;
    }

    /// <summary>2/n Σ x xᵀ over rows of [n, size].</summary>
    public static double[] Hessian(float[] rows, int size)
    {
        var doubles = Doubles(rows);
        var sums = Product(Transpose(doubles, rows.Length / size, size), doubles, size, size, rows.Length / size);
        return [.. sums.Select(sum => sum * 2 / (rows.Length / size))];
    }

    /// <summary>The transposed of [rows, columns].</summary>
    public static T[] Transpose<T>(T[] matrix, int rows, int columns)
    {
        var result = new T[matrix.Length];
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                result[(j * rows) + i] = matrix[(i * columns) + j];
            }
        }

        return result;
    }

    /// <summary>The inverse by elimination.</summary>
    public static double[] Inverse(double[] matrix, int size)
    {
        double[] a = [.. matrix];
        var inverse = Identity(size);
        for (var column = 0; column < size; column++)
        {
            var pivot = Enumerable.Range(column, size - column).MaxBy(row => Math.Abs(a[(row * size) + column]));
            for (var j = 0; j < size; j++)
            {
                (a[(column * size) + j], a[(pivot * size) + j]) = (a[(pivot * size) + j], a[(column * size) + j]);
                (inverse[(column * size) + j], inverse[(pivot * size) + j]) = (inverse[(pivot * size) + j], inverse[(column * size) + j]);
            }

            var divisor = a[(column * size) + column];
            for (var j = 0; j < size; j++)
            {
                a[(column * size) + j] /= divisor;
                inverse[(column * size) + j] /= divisor;
            }

            for (var row = 0; row < size; row++)
            {
                var factor = a[(row * size) + column];
                for (var j = 0; row != column && j < size; j++)
                {
                    a[(row * size) + j] -= factor * a[(column * size) + j];
                    inverse[(row * size) + j] -= factor * inverse[(column * size) + j];
                }
            }
        }

        return inverse;
    }

    /// <summary>The upper triangular R of A = Rᵀ R, element by element.</summary>
    public static double[] UpperCholesky(double[] matrix, int size)
    {
        var upper = new double[size * size];
        for (var i = 0; i < size; i++)
        {
            for (var j = i; j < size; j++)
            {
                var sum = matrix[(i * size) + j];
                for (var k = 0; k < i; k++)
                {
                    sum -= upper[(k * size) + i] * upper[(k * size) + j];
                }

                upper[(i * size) + j] = i == j ? Math.Sqrt(sum) : sum / upper[(i * size) + i];
            }
        }

        return upper;
    }

    /// <summary>tr dᵀ H d for d = changed - weights, [size, columns].</summary>
    public static double Error(float[] weights, float[] changed, int columns, double[] hessian)
    {
        var size = weights.Length / columns;
        double[] d = [.. changed.Zip(weights, (c, w) => (double)c - w)];
        return Product(hessian, d, size, columns, size).Zip(d, (a, b) => a * b).Sum();
    }

    public static double[] Identity(int size) => [.. Enumerable.Range(0, size * size).Select(i => i % (size + 1) == 0 ? 1.0 : 0)];

    public static double[] Doubles(float[] values) => Array.ConvertAll(values, value => (double)value);

    public static void AreClose(IReadOnlyList<double> expected, IReadOnlyList<double> actual, double tolerance)
    {
        Assert.HasCount(expected.Count, actual);
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.AreEqual(expected[i], actual[i], tolerance, $"element {i}");
        }
    }

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
