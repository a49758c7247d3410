using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CompressTool.Training.Kernels;

/// <summary>The places that a sum of outer products runs over: images, rows and columns of an image.</summary>
/// <param name="Images">Number of images.</param>
/// <param name="Rows">Rows of each.</param>
/// <param name="Columns">Columns of each row.</param>
/// <param name="ImageStep">Floats from an image of the right operand to the next.</param>
/// <param name="RowStep">Floats from a row of the right operand to the next.</param>
/// <param name="ColumnStep">Floats from a column of the right operand to the next.</param>
internal readonly record struct Places(int Images, int Rows, int Columns, nint ImageStep, nint RowStep, nint ColumnStep);

/// <summary>
/// The inner loop of weight gradients: for 8 rows (output channels) and up to 3 vectors of 16 columns (input channels),
/// adds the outer product of left and right at every place. All sums of a tile stay in registers. They start from zero and are
/// added to those in memory at the end: sums of sums round less than one long chain.
/// </summary>
/// <remarks>
/// The left operand is packed: 8 floats a place, one place after the other. The right one has 16 floats at each place,
/// and several vectors of it (other offsets of the convolution kernel) are one buffer seen from other starting points.
/// With 512 bits a place costs 24 multiply-adds for 11 loads, so two multiply-adds can start in every cycle.
/// </remarks>
internal static unsafe class OuterProductTiles
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 8;

    /// <summary>Columns of one vector of a tile.</summary>
    public const int Lanes = 16;

    /// <summary>Adds to a tile of 8 rows and <paramref name="vectors"/> * 16 columns.</summary>
    /// <param name="width">Which instructions.</param>
    /// <param name="vectors">1 to 3.</param>
    /// <param name="left">The packed left operand.</param>
    /// <param name="right">The right operand at the first place, for each vector.</param>
    /// <param name="places">The places.</param>
    /// <param name="sums">The tile; its vectors follow each other.</param>
    /// <param name="rowStep">Floats from a row of the tile to the next.</param>
    /// <param name="isFirst">Whether the tile holds nothing yet, and is set instead.</param>
    public static void Add(SimdWidth width, int vectors, float* left, float** right, in Places places, float* sums, nint rowStep, bool isFirst)
    {
        if (width != SimdWidth.Bits512)
        {
            for (var vector = 0; vector < vectors; vector++)
            {
                if (width == SimdWidth.Bits256)
                {
                    Add256(left, right[vector], places, sums + (vector * Lanes), rowStep, isFirst);
                }
                else
                {
                    Add128(left, right[vector], places, sums + (vector * Lanes), rowStep, isFirst);
                }
            }
        }
        else if (vectors == 3)
        {
            Add512x3(left, right[0], (nint)(right[1] - right[0]), (nint)(right[2] - right[0]), places, sums, rowStep, isFirst);
        }
        else if (vectors == 2)
        {
            Add512x2(left, right[0], (nint)(right[1] - right[0]), places, sums, rowStep, isFirst);
        }
        else
        {
            Add512x1(left, right[0], places, sums, rowStep, isFirst);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add512x3(float* left, float* right, nint second, nint third, in Places places, float* sums, nint rowStep, bool isFirst)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, b0 = default, b1 = default, b2 = default, c0 = default, c1 = default, c2 = default;
        Vector512<float> d0 = default, d1 = default, d2 = default, e0 = default, e1 = default, e2 = default, f0 = default, f1 = default, f2 = default;
        Vector512<float> g0 = default, g1 = default, g2 = default, h0 = default, h1 = default, h2 = default;
        var (rows, columns, columnStep) = (places.Rows, places.Columns, places.ColumnStep);
        for (var image = 0; image < places.Images; image++, right += places.ImageStep)
        {
            var start = right;
            for (var row = 0; row < rows; row++, start += places.RowStep)
            {
                var x = start;
                for (var column = columns; column > 0; column--)
                {
                    Vector512<float> x0 = Vector512.Load(x), x1 = Vector512.Load(x + second), x2 = Vector512.Load(x + third);
                    var y = Vector512.Create(left[0]);
                    a0 = Vector512.FusedMultiplyAdd(y, x0, a0);
                    a1 = Vector512.FusedMultiplyAdd(y, x1, a1);
                    a2 = Vector512.FusedMultiplyAdd(y, x2, a2);
                    y = Vector512.Create(left[1]);
                    b0 = Vector512.FusedMultiplyAdd(y, x0, b0);
                    b1 = Vector512.FusedMultiplyAdd(y, x1, b1);
                    b2 = Vector512.FusedMultiplyAdd(y, x2, b2);
                    y = Vector512.Create(left[2]);
                    c0 = Vector512.FusedMultiplyAdd(y, x0, c0);
                    c1 = Vector512.FusedMultiplyAdd(y, x1, c1);
                    c2 = Vector512.FusedMultiplyAdd(y, x2, c2);
                    y = Vector512.Create(left[3]);
                    d0 = Vector512.FusedMultiplyAdd(y, x0, d0);
                    d1 = Vector512.FusedMultiplyAdd(y, x1, d1);
                    d2 = Vector512.FusedMultiplyAdd(y, x2, d2);
                    y = Vector512.Create(left[4]);
                    e0 = Vector512.FusedMultiplyAdd(y, x0, e0);
                    e1 = Vector512.FusedMultiplyAdd(y, x1, e1);
                    e2 = Vector512.FusedMultiplyAdd(y, x2, e2);
                    y = Vector512.Create(left[5]);
                    f0 = Vector512.FusedMultiplyAdd(y, x0, f0);
                    f1 = Vector512.FusedMultiplyAdd(y, x1, f1);
                    f2 = Vector512.FusedMultiplyAdd(y, x2, f2);
                    y = Vector512.Create(left[6]);
                    g0 = Vector512.FusedMultiplyAdd(y, x0, g0);
                    g1 = Vector512.FusedMultiplyAdd(y, x1, g1);
                    g2 = Vector512.FusedMultiplyAdd(y, x2, g2);
                    y = Vector512.Create(left[7]);
                    h0 = Vector512.FusedMultiplyAdd(y, x0, h0);
                    h1 = Vector512.FusedMultiplyAdd(y, x1, h1);
                    h2 = Vector512.FusedMultiplyAdd(y, x2, h2);
                    x += columnStep;
                    left += Rows;
                }
            }
        }

        AddTo(sums, isFirst, a0, a1, a2);
        AddTo(sums + rowStep, isFirst, b0, b1, b2);
        AddTo(sums + (2 * rowStep), isFirst, c0, c1, c2);
        AddTo(sums + (3 * rowStep), isFirst, d0, d1, d2);
        AddTo(sums + (4 * rowStep), isFirst, e0, e1, e2);
        AddTo(sums + (5 * rowStep), isFirst, f0, f1, f2);
        AddTo(sums + (6 * rowStep), isFirst, g0, g1, g2);
        AddTo(sums + (7 * rowStep), isFirst, h0, h1, h2);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add512x2(float* left, float* right, nint second, in Places places, float* sums, nint rowStep, bool isFirst)
    {
        Vector512<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
        Vector512<float> e0 = default, e1 = default, f0 = default, f1 = default, g0 = default, g1 = default, h0 = default, h1 = default;
        var (rows, columns, columnStep) = (places.Rows, places.Columns, places.ColumnStep);
        for (var image = 0; image < places.Images; image++, right += places.ImageStep)
        {
            var start = right;
            for (var row = 0; row < rows; row++, start += places.RowStep)
            {
                var x = start;
                for (var column = columns; column > 0; column--)
                {
                    Vector512<float> x0 = Vector512.Load(x), x1 = Vector512.Load(x + second);
                    var y = Vector512.Create(left[0]);
                    a0 = Vector512.FusedMultiplyAdd(y, x0, a0);
                    a1 = Vector512.FusedMultiplyAdd(y, x1, a1);
                    y = Vector512.Create(left[1]);
                    b0 = Vector512.FusedMultiplyAdd(y, x0, b0);
                    b1 = Vector512.FusedMultiplyAdd(y, x1, b1);
                    y = Vector512.Create(left[2]);
                    c0 = Vector512.FusedMultiplyAdd(y, x0, c0);
                    c1 = Vector512.FusedMultiplyAdd(y, x1, c1);
                    y = Vector512.Create(left[3]);
                    d0 = Vector512.FusedMultiplyAdd(y, x0, d0);
                    d1 = Vector512.FusedMultiplyAdd(y, x1, d1);
                    y = Vector512.Create(left[4]);
                    e0 = Vector512.FusedMultiplyAdd(y, x0, e0);
                    e1 = Vector512.FusedMultiplyAdd(y, x1, e1);
                    y = Vector512.Create(left[5]);
                    f0 = Vector512.FusedMultiplyAdd(y, x0, f0);
                    f1 = Vector512.FusedMultiplyAdd(y, x1, f1);
                    y = Vector512.Create(left[6]);
                    g0 = Vector512.FusedMultiplyAdd(y, x0, g0);
                    g1 = Vector512.FusedMultiplyAdd(y, x1, g1);
                    y = Vector512.Create(left[7]);
                    h0 = Vector512.FusedMultiplyAdd(y, x0, h0);
                    h1 = Vector512.FusedMultiplyAdd(y, x1, h1);
                    x += columnStep;
                    left += Rows;
                }
            }
        }

        AddTo(sums, isFirst, a0, a1);
        AddTo(sums + rowStep, isFirst, b0, b1);
        AddTo(sums + (2 * rowStep), isFirst, c0, c1);
        AddTo(sums + (3 * rowStep), isFirst, d0, d1);
        AddTo(sums + (4 * rowStep), isFirst, e0, e1);
        AddTo(sums + (5 * rowStep), isFirst, f0, f1);
        AddTo(sums + (6 * rowStep), isFirst, g0, g1);
        AddTo(sums + (7 * rowStep), isFirst, h0, h1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add512x1(float* left, float* right, in Places places, float* sums, nint rowStep, bool isFirst)
    {
        Vector512<float> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default;
        var (rows, columns, columnStep) = (places.Rows, places.Columns, places.ColumnStep);
        for (var image = 0; image < places.Images; image++, right += places.ImageStep)
        {
            var start = right;
            for (var row = 0; row < rows; row++, start += places.RowStep)
            {
                var x = start;
                for (var column = columns; column > 0; column--)
                {
                    var x0 = Vector512.Load(x);
                    a = Vector512.FusedMultiplyAdd(Vector512.Create(left[0]), x0, a);
                    b = Vector512.FusedMultiplyAdd(Vector512.Create(left[1]), x0, b);
                    c = Vector512.FusedMultiplyAdd(Vector512.Create(left[2]), x0, c);
                    d = Vector512.FusedMultiplyAdd(Vector512.Create(left[3]), x0, d);
                    e = Vector512.FusedMultiplyAdd(Vector512.Create(left[4]), x0, e);
                    f = Vector512.FusedMultiplyAdd(Vector512.Create(left[5]), x0, f);
                    g = Vector512.FusedMultiplyAdd(Vector512.Create(left[6]), x0, g);
                    h = Vector512.FusedMultiplyAdd(Vector512.Create(left[7]), x0, h);
                    x += columnStep;
                    left += Rows;
                }
            }
        }

        AddTo(sums, isFirst, a);
        AddTo(sums + rowStep, isFirst, b);
        AddTo(sums + (2 * rowStep), isFirst, c);
        AddTo(sums + (3 * rowStep), isFirst, d);
        AddTo(sums + (4 * rowStep), isFirst, e);
        AddTo(sums + (5 * rowStep), isFirst, f);
        AddTo(sums + (6 * rowStep), isFirst, g);
        AddTo(sums + (7 * rowStep), isFirst, h);
    }

    // 16 registers: four rows at a time, two vectors each.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add256(float* left, float* right, in Places places, float* sums, nint rowStep, bool isFirst)
    {
        for (var half = 0; half < Rows; half += 4)
        {
            Vector256<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
            var y = left + half;
            for (var image = 0; image < places.Images; image++)
            {
                for (var row = 0; row < places.Rows; row++)
                {
                    var x = right + (image * places.ImageStep) + (row * places.RowStep);
                    for (var column = places.Columns; column > 0; column--)
                    {
                        Vector256<float> x0 = Vector256.Load(x), x1 = Vector256.Load(x + 8);
                        var factor = Vector256.Create(y[0]);
                        a0 = Vector256.FusedMultiplyAdd(factor, x0, a0);
                        a1 = Vector256.FusedMultiplyAdd(factor, x1, a1);
                        factor = Vector256.Create(y[1]);
                        b0 = Vector256.FusedMultiplyAdd(factor, x0, b0);
                        b1 = Vector256.FusedMultiplyAdd(factor, x1, b1);
                        factor = Vector256.Create(y[2]);
                        c0 = Vector256.FusedMultiplyAdd(factor, x0, c0);
                        c1 = Vector256.FusedMultiplyAdd(factor, x1, c1);
                        factor = Vector256.Create(y[3]);
                        d0 = Vector256.FusedMultiplyAdd(factor, x0, d0);
                        d1 = Vector256.FusedMultiplyAdd(factor, x1, d1);
                        x += places.ColumnStep;
                        y += Rows;
                    }
                }
            }

            var s = sums + (half * rowStep);
            AddTo(s, isFirst, a0, a1);
            AddTo(s + rowStep, isFirst, b0, b1);
            AddTo(s + (2 * rowStep), isFirst, c0, c1);
            AddTo(s + (3 * rowStep), isFirst, d0, d1);
        }
    }

    // Two rows at a time, four vectors each: fits the 16 registers of x64 without AVX, and hides the latency of Arm's.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add128(float* left, float* right, in Places places, float* sums, nint rowStep, bool isFirst)
    {
        for (var pair = 0; pair < Rows; pair += 2)
        {
            Vector128<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
            var y = left + pair;
            for (var image = 0; image < places.Images; image++)
            {
                for (var row = 0; row < places.Rows; row++)
                {
                    var x = right + (image * places.ImageStep) + (row * places.RowStep);
                    for (var column = places.Columns; column > 0; column--)
                    {
                        Vector128<float> first = Vector128.Create(y[0]), second = Vector128.Create(y[1]);
                        var v = Vector128.Load(x);
                        a0 = Vector128.MultiplyAddEstimate(first, v, a0);
                        b0 = Vector128.MultiplyAddEstimate(second, v, b0);
                        v = Vector128.Load(x + 4);
                        a1 = Vector128.MultiplyAddEstimate(first, v, a1);
                        b1 = Vector128.MultiplyAddEstimate(second, v, b1);
                        v = Vector128.Load(x + 8);
                        a2 = Vector128.MultiplyAddEstimate(first, v, a2);
                        b2 = Vector128.MultiplyAddEstimate(second, v, b2);
                        v = Vector128.Load(x + 12);
                        a3 = Vector128.MultiplyAddEstimate(first, v, a3);
                        b3 = Vector128.MultiplyAddEstimate(second, v, b3);
                        x += places.ColumnStep;
                        y += Rows;
                    }
                }
            }

            AddTo(sums + (pair * rowStep), isFirst, a0, a1, a2, a3);
            AddTo(sums + ((pair + 1) * rowStep), isFirst, b0, b1, b2, b3);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTo(float* sums, bool isFirst, Vector512<float> first, Vector512<float> second, Vector512<float> third)
    {
        if (!isFirst)
        {
            first += Vector512.Load(sums);
            second += Vector512.Load(sums + 16);
            third += Vector512.Load(sums + 32);
        }

        first.Store(sums);
        second.Store(sums + 16);
        third.Store(sums + 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTo(float* sums, bool isFirst, Vector512<float> first, Vector512<float> second)
    {
        if (!isFirst)
        {
            first += Vector512.Load(sums);
            second += Vector512.Load(sums + 16);
        }

        first.Store(sums);
        second.Store(sums + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTo(float* sums, bool isFirst, Vector512<float> first)
    {
        if (!isFirst)
        {
            first += Vector512.Load(sums);
        }

        first.Store(sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTo(float* sums, bool isFirst, Vector256<float> first, Vector256<float> second)
    {
        if (!isFirst)
        {
            first += Vector256.Load(sums);
            second += Vector256.Load(sums + 8);
        }

        first.Store(sums);
        second.Store(sums + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTo(float* sums, bool isFirst, Vector128<float> first, Vector128<float> second, Vector128<float> third, Vector128<float> fourth)
    {
        if (!isFirst)
        {
            first += Vector128.Load(sums);
            second += Vector128.Load(sums + 4);
            third += Vector128.Load(sums + 8);
            fourth += Vector128.Load(sums + 12);
        }

        first.Store(sums);
        second.Store(sums + 4);
        third.Store(sums + 8);
        fourth.Store(sums + 12);
    }
}
