using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

/// <summary>
/// Products of matrices, C += f A B, after Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008):
/// panels of both factors are packed, so that a panel of B stays in the first cache and a group of panels of A in the second.
/// The packing also converts: factors of either type are multiplied in <typeparamref name="T"/>.
/// </summary>
/// <remarks>Sums run over steps of <see cref="Depth"/> and are then added to C: the result depends neither on the number of
/// threads nor on the width of vectors.</remarks>
/// <typeparam name="T">float or double: what the products are computed in.</typeparam>
internal static unsafe class MatrixProduct<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Products that are summed up before they are added to C.</summary>
    public const int Depth = 192;

    private const int Alignment = 64;

    /// <summary>Panels of A that stay in the second cache.</summary>
    private const int GroupRows = 64;

    /// <summary>Panels of B that one thread takes at once.</summary>
    private const int GroupColumns = 4;

    /// <summary>Fewer multiply-adds than this are not worth a second thread.</summary>
    private const long Small = 1 << 18;

    private static readonly bool _isWide = Avx512F.IsSupported;

    private static int Lanes => _isWide ? Vector512<T>.Count : Vector256<T>.Count;

    /// <summary>C += factor A B.</summary>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="columns">Columns of B and C.</param>
    /// <param name="inner">Columns of A, rows of B.</param>
    /// <param name="a">A.</param>
    /// <param name="b">B.</param>
    /// <param name="c">C; its column step is 1.</param>
    /// <param name="factor">The factor.</param>
    /// <param name="isUpper">True when only elements (i, j) with j at least i are wanted; the others are then undefined.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    public static void Add<TA, TB, TC>(int rows, int columns, int inner, Operand<TA> a, Operand<TB> b, Operand<TC> c, T factor, bool isUpper = false, int threads = 0)
        where TA : unmanaged, INumber<TA>
        where TB : unmanaged, INumber<TB>
        where TC : unmanaged, INumber<TC>
    {
        Debug.Assert(c.ColumnStep == 1);
        if (rows == 0 || columns == 0 || inner == 0)
        {
            return;
        }

        threads = (long)rows * columns * inner < Small ? 1 : threads;
        var width = 2 * Lanes;
        var (leftPanels, rightPanels) = (Ceiling(rows, ProductTile.Rows), Ceiling(columns, width));
        var left = (T*)NativeMemory.AlignedAlloc((nuint)leftPanels * ProductTile.Rows * Depth * (nuint)sizeof(T), Alignment);
        var right = (T*)NativeMemory.AlignedAlloc((nuint)rightPanels * (nuint)width * Depth * (nuint)sizeof(T), Alignment);
        try
        {
            for (var first = 0; first < inner; first += Depth)
            {
                var (start, depth) = (first, Math.Min(Depth, inner - first));
                ParallelWork.For(leftPanels + rightPanels, threads, panel =>
                {
                    if (panel < leftPanels)
                    {
                        var row = panel * ProductTile.Rows;
                        Pack(a, row, Math.Min(ProductTile.Rows, rows - row), ProductTile.Rows, a.RowStep, start, depth, a.ColumnStep, left + ((nint)row * Depth));
                    }
                    else
                    {
                        var column = (panel - leftPanels) * width;
                        Pack(b, column, Math.Min(width, columns - column), width, b.ColumnStep, start, depth, b.RowStep, right + ((nint)column * Depth));
                    }
                });
                var (down, across) = (Ceiling(leftPanels, GroupRows), Ceiling(rightPanels, GroupColumns));
                ParallelWork.For(down * across, threads, group => Multiply(
                    left, right, depth, (group % down * GroupRows, leftPanels), (group / down * GroupColumns, rightPanels), rows, columns, c, factor, isUpper));
            }
        }
        finally
        {
            NativeMemory.AlignedFree(left);
            NativeMemory.AlignedFree(right);
        }
    }

    private static void Multiply<TC>(
        T* left, T* right, int depth, (int First, int Count) down, (int First, int Count) across, int rows, int columns, Operand<TC> c, T factor, bool isUpper)
        where TC : unmanaged, INumber<TC>
    {
        var width = 2 * Lanes;
        var buffer = stackalloc byte[(ProductTile.Rows * width * sizeof(T)) + Alignment];
        var tile = (T*)(((nint)buffer + Alignment - 1) & -Alignment);
        fixed (TC* target = &c.Array[c.Offset])
        {
            for (var j = across.First; j < Math.Min(across.Count, across.First + GroupColumns); j++)
            {
                var (column, count) = (j * width, Math.Min(width, columns - (j * width)));
                for (var i = down.First; i < Math.Min(down.Count, down.First + GroupRows); i++)
                {
                    var row = i * ProductTile.Rows;
                    if (isUpper && column + count <= row)
                    {
                        break;
                    }

                    var one = left + ((nint)row * Depth);
                    var two = right + ((nint)column * Depth);
                    if (_isWide)
                    {
                        ProductTile.Compute<Wide512<T>, T>(one, two, depth, tile);
                    }
                    else
                    {
                        ProductTile.Compute<Wide256<T>, T>(one, two, depth, tile);
                    }

                    for (var k = 0; k < Math.Min(ProductTile.Rows, rows - row); k++)
                    {
                        ProductTile.AddRow(tile + (k * width), factor, target + ((nint)(row + k) * c.RowStep) + column, count);
                    }
                }
            }
        }
    }

    /// <summary>Packs a panel: <paramref name="width"/> elements for each step of the depth, zeros behind the edge.</summary>
    private static void Pack<TSource>(Operand<TSource> source, int first, int count, int width, nint step, int start, int depth, nint depthStep, T* panel)
        where TSource : unmanaged, INumber<TSource>
    {
        fixed (TSource* array = source.Array)
        {
            var corner = array + source.Offset + (first * step) + (start * depthStep);
            if (count < width)
            {
                new Span<T>(panel, depth * width).Clear();
            }

            if (step == 1)
            {
                for (var k = 0; k < depth; k++)
                {
                    var from = corner + (k * depthStep);
                    var to = panel + (k * width);
                    if (typeof(TSource) == typeof(T))
                    {
                        new Span<T>(from, count).CopyTo(new Span<T>(to, count));
                        continue;
                    }

                    for (var i = 0; i < count; i++)
                    {
                        to[i] = T.CreateTruncating(from[i]);
                    }
                }

                return;
            }

            for (var i = 0; i < count; i++)
            {
                var from = corner + (i * step);
                var to = panel + i;
                for (var k = 0; k < depth; k++)
                {
                    to[k * width] = T.CreateTruncating(from[k * depthStep]);
                }
            }
        }
    }

    private static int Ceiling(int count, int size) => (count + size - 1) / size;
}
