namespace CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

/// <summary>A matrix inside an array, in any direction: element (i, j) is at Offset + i RowStep + j ColumnStep.</summary>
/// <typeparam name="T">float or double.</typeparam>
/// <param name="Array">The array.</param>
/// <param name="Offset">Place of element (0, 0).</param>
/// <param name="RowStep">Elements from a row to the next; may be negative.</param>
/// <param name="ColumnStep">Elements from a column to the next; may be negative.</param>
internal readonly record struct Operand<T>(T[] Array, int Offset, int RowStep, int ColumnStep)
    where T : unmanaged
{
    /// <summary>A matrix stored row by row.</summary>
    /// <param name="array">The elements.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="offset">Where it starts.</param>
    public static Operand<T> Rows(T[] array, int columns, int offset = 0) => new(array, offset, columns, 1);

    /// <summary>The transposed of a matrix stored row by row.</summary>
    /// <param name="array">The elements.</param>
    /// <param name="columns">Elements of a stored row.</param>
    /// <param name="offset">Where it starts.</param>
    public static Operand<T> Columns(T[] array, int columns, int offset = 0) => new(array, offset, 1, columns);
}
