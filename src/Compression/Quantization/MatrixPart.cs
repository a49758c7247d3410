namespace CompressTool.Compression.Quantization;

/// <summary>
/// A part of a weight matrix that one thread works on: contiguous in memory, whichever way the matrix is stored, since jumps
/// from page to page cost more than the arithmetic.
/// </summary>
/// <param name="Index">Its number.</param>
/// <param name="FirstRow">First row (input channel).</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="FirstColumn">First column (output channel).</param>
/// <param name="Columns">Number of columns.</param>
internal readonly record struct MatrixPart(int Index, int FirstRow, int Rows, int FirstColumn, int Columns)
{
    /// <summary>Columns of a part where each is contiguous.</summary>
    public const int TileColumns = 64;

    /// <summary>Rows of a part where each is contiguous; a multiple of all block sizes up to 128.</summary>
    private const int StripRows = 128;

    /// <summary>Fewer weights than this are not worth a second thread.</summary>
    private const long SmallMatrix = 1 << 16;

    /// <summary>Number of parts of a matrix.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="blockSize">Rows that stay together.</param>
    public static int Count(WeightMatrix matrix, int blockSize) =>
        matrix.IsTransposed ? (matrix.N + TileColumns - 1) / TileColumns : (matrix.K + Strip(blockSize) - 1) / Strip(blockSize);

    /// <summary>Runs the work on every part of a matrix.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="blockSize">Rows that stay together: a power of two.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="work">The work.</param>
    /// <param name="cancellationToken">Cancels between parts.</param>
    public static void ForEach(WeightMatrix matrix, int blockSize, int threads, Action<MatrixPart> work, CancellationToken cancellationToken = default) => ParallelWork.For(
        Count(matrix, blockSize),
        matrix.Tensor.Count < SmallMatrix ? 1 : threads,
        index => work(matrix.IsTransposed
            ? new MatrixPart(index, 0, matrix.K, index * TileColumns, Math.Min(TileColumns, matrix.N - (index * TileColumns)))
            : new MatrixPart(index, index * Strip(blockSize), Math.Min(Strip(blockSize), matrix.K - (index * Strip(blockSize))), 0, matrix.N)),
        cancellationToken);

    private static int Strip(int blockSize) => Math.Max(StripRows, blockSize);
}
