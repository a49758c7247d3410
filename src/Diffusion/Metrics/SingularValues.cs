namespace CompressTool.Diffusion.Metrics;

/// <summary>
/// Singular values: Householder's reflections make the matrix bidiagonal (Golub and Kahan 1965); the values of that are the
/// positive eigenvalues of a tridiagonal matrix with zeros on its diagonal, found by the implicit QL algorithm.
/// </summary>
internal static class SingularValues
{
    /// <summary>Parts of the columns or rows that threads take.</summary>
    private const int Parts = 8;

    /// <summary>The singular values, in no order.</summary>
    /// <param name="matrix">The matrix row by row; it is overwritten.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="columns">Its columns.</param>
    public static double[] Of(double[] matrix, int rows, int columns)
    {
        if (rows < columns)
        {
            return Of(Transpose(matrix, rows, columns), columns, rows);
        }

        var (diagonal, upper) = Bidiagonalize(matrix, rows, columns);

        // [0 B; Bᵀ 0] with rows and columns in turns: zeros on the diagonal, and d1 u1 d2 u2 ... beside it.
        var beside = new double[Math.Max(0, (2 * columns) - 1)];
        for (var i = 0; i < columns; i++)
        {
            beside[2 * i] = diagonal[i];
            if (i > 0)
            {
                beside[(2 * i) - 1] = upper[i - 1];
            }
        }

        return [.. Tridiagonal(new double[2 * columns], beside).Order().TakeLast(columns).Select(value => Math.Max(0, value))];
    }

    private static (double[] Diagonal, double[] Upper) Bidiagonalize(double[] a, int rows, int columns)
    {
        var (diagonal, upper) = (new double[columns], new double[Math.Max(0, columns - 1)]);
        var (column, sums) = (new double[rows], new double[columns]);
        for (var k = 0; k < columns; k++)
        {
            for (var i = k; i < rows; i++)
            {
                column[i] = a[(i * columns) + k];
            }

            (diagonal[k], var beta) = Reflect(column.AsSpan(k, rows - k));
            ApplyToColumns(a, rows, columns, k, column, sums, beta);
            if (k < columns - 1)
            {
                var row = a.AsSpan((k * columns) + k + 1, columns - k - 1);
                (upper[k], beta) = Reflect(row);
                ApplyToRows(a, rows, columns, k, beta);
            }
        }

        return (diagonal, upper);
    }

    /// <summary>Makes a vector x the v of I - beta v vᵀ, which takes x to (alpha, 0, 0 ...).</summary>
    private static (double Alpha, double Beta) Reflect(Span<double> x)
    {
        var norm = Math.Sqrt(DoubleVectors.Dot(x, x));
        if (norm == 0)
        {
            return (0, 0);
        }

        var alpha = x[0] > 0 ? -norm : norm;
        x[0] -= alpha;
        return (alpha, 2 / DoubleVectors.Dot(x, x));
    }

    /// <summary>The columns behind k: A -= beta v (vᵀ A).</summary>
    private static void ApplyToColumns(double[] a, int rows, int columns, int k, double[] v, double[] sums, double beta)
    {
        var width = columns - k - 1;
        if (width == 0 || beta == 0)
        {
            return;
        }

        // Threads take parts of the columns: each sums over the rows in the same order.
        Array.Clear(sums);
        Loops.For(Parts, 2L * width * (rows - k) / Parts, part =>
        {
            var (first, last) = (width * part / Parts, width * (part + 1) / Parts);
            for (var i = k; i < rows; i++)
            {
                DoubleVectors.AddScaled(v[i], a.AsSpan((i * columns) + k + 1 + first, last - first), sums.AsSpan(first, last - first));
            }

            for (var i = k; i < rows; i++)
            {
                DoubleVectors.AddScaled(-beta * v[i], sums.AsSpan(first, last - first), a.AsSpan((i * columns) + k + 1 + first, last - first));
            }
        });
    }

    /// <summary>The rows behind k: A -= beta (A v) vᵀ, with v in row k.</summary>
    private static void ApplyToRows(double[] a, int rows, int columns, int k, double beta)
    {
        if (beta == 0)
        {
            return;
        }

        var (width, count) = (columns - k - 1, rows - k - 1);
        Loops.For(Parts, 2L * width * count / Parts, part =>
        {
            var v = a.AsSpan((k * columns) + k + 1, width);
            for (var i = k + 1 + (count * part / Parts); i < k + 1 + (count * (part + 1) / Parts); i++)
            {
                var row = a.AsSpan((i * columns) + k + 1, width);
                DoubleVectors.AddScaled(-beta * DoubleVectors.Dot(row, v), v, row);
            }
        });
    }

    /// <summary>The eigenvalues of a symmetric tridiagonal matrix, by the QL algorithm with implicit shifts (Wilkinson and Reinsch 1971, II/4).</summary>
    /// <param name="d">The diagonal; becomes the eigenvalues.</param>
    /// <param name="beside">What stands beside it.</param>
    private static double[] Tridiagonal(double[] d, double[] beside)
    {
        double[] e = [.. beside, 0];

        // The promise is an error of rounding against the largest value, so that zeros need not be found to the last digit.
        var small = 1e-16 * beside.Select(Math.Abs).DefaultIfEmpty().Max();
        for (var low = 0; low < d.Length; low++)
        {
            for (var turn = 0; ; turn++)
            {
                var high = low;
                while (high < d.Length - 1 && Math.Abs(e[high]) > small)
                {
                    high++;
                }

                if (high == low)
                {
                    break;
                }

                if (turn == 100)
                {
                    throw new InvalidOperationException("The QL algorithm did not converge.");
                }

                Turn(d, e, low, high);
            }
        }

        return d;
    }

    private static void Turn(double[] d, double[] e, int low, int high)
    {
        var shift = (d[low + 1] - d[low]) / (2 * e[low]);
        var root = double.Hypot(shift, 1);
        shift = d[high] - d[low] + (e[low] / (shift + (shift >= 0 ? root : -root)));
        var (sin, cos, p) = (1.0, 1.0, 0.0);
        int i;
        for (i = high - 1; i >= low; i--)
        {
            var (f, b) = (sin * e[i], cos * e[i]);
            root = double.Hypot(f, shift);
            e[i + 1] = root;
            if (root == 0)
            {
                d[i + 1] -= p;
                e[high] = 0;
                break;
            }

            (sin, cos) = (f / root, shift / root);
            shift = d[i + 1] - p;
            root = ((d[i] - shift) * sin) + (2 * cos * b);
            p = sin * root;
            d[i + 1] = shift + p;
            shift = (cos * root) - b;
        }

        if (i < low)
        {
            d[low] -= p;
            e[low] = shift;
            e[high] = 0;
        }
    }

    private static double[] Transpose(double[] matrix, int rows, int columns)
    {
        var result = new double[matrix.Length];
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                result[(j * rows) + i] = matrix[(i * columns) + j];
            }
        }

        return result;
    }
}
