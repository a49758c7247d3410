namespace CompressTool.Diffusion.Arithmetic;

/// <summary>Small systems of linear equations.</summary>
internal static class LinearEquations
{
    /// <summary>Solves by elimination with the largest pivot of each column. Overwrites both.</summary>
    public static double[] Solve(double[,] matrix, double[] values)
    {
        var count = values.Length;
        for (var column = 0; column < count; column++)
        {
            var pivot = Enumerable.Range(column, count - column).MaxBy(row => Math.Abs(matrix[row, column]));
            (values[column], values[pivot]) = (values[pivot], values[column]);
            for (var i = 0; i < count; i++)
            {
                (matrix[column, i], matrix[pivot, i]) = (matrix[pivot, i], matrix[column, i]);
            }

            for (var row = column + 1; row < count; row++)
            {
                var factor = matrix[row, column] / matrix[column, column];
                values[row] -= factor * values[column];
                for (var i = column; i < count; i++)
                {
                    matrix[row, i] -= factor * matrix[column, i];
                }
            }
        }

        for (var row = count - 1; row >= 0; row--)
        {
            for (var i = row + 1; i < count; i++)
            {
                values[row] -= matrix[row, i] * values[i];
            }

            values[row] /= matrix[row, row];
        }

        return values;
    }
}
