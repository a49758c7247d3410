using System.Buffers;
using System.Numerics;

namespace CompressTool.Compression.Pruning;

/// <summary>
/// Keeps the N largest of every M magnitudes along an axis; among equals the one with the lower index. Works on slabs:
/// M rows of <paramref name="inner"/> contiguous elements, whose columns are the groups.
/// </summary>
/// <typeparam name="TBits">The key type; see <see cref="Magnitude"/>.</typeparam>
/// <param name="n">How many stay.</param>
/// <param name="m">Of how many; at most 8.</param>
/// <param name="inner">Elements between neighbours along the axis.</param>
internal sealed class NMKernel<TBits>(int n, int m, int inner)
    where TBits : unmanaged, IBinaryInteger<TBits>, IMinMaxValue<TBits>
{
    /// <summary>Groups worked on at a time: their M rows stay in the first-level cache.</summary>
    private const int Lanes = 512;

    /// <summary>Elements of a slab.</summary>
    public int Slab => checked(m * inner);

    /// <summary>Sets what does not stay to zero.</summary>
    /// <param name="bits">Whole slabs.</param>
    public void Apply(Span<TBits> bits)
    {
        var tile = ArrayPool<TBits>.Shared.Rent(m * Lanes);
        var groups = bits.Length / m;
        for (var first = 0; first < groups; first += Lanes)
        {
            var count = Math.Min(Lanes, groups - first);
            Move(bits, tile, first, count, gather: true);
            Mask(tile, count);
            Move(bits, tile, first, count, gather: false);
        }

        ArrayPool<TBits>.Shared.Return(tile);
    }

    /// <summary>Copies groups into the tile, where row j holds the j-th element of each, or back.</summary>
    private void Move(Span<TBits> bits, TBits[] tile, int first, int count, bool gather)
    {
        if (inner == 1)
        {
            MoveContiguous(bits.Slice(first * m, count * m), tile, count, gather);
            return;
        }

        for (var lane = 0; lane < count;)
        {
            var (slab, column) = Math.DivRem(first + lane, inner);
            var run = Math.Min(inner - column, count - lane);
            for (var row = 0; row < m; row++)
            {
                var outside = bits.Slice((slab * Slab) + (row * inner) + column, run);
                var inside = tile.AsSpan((row * Lanes) + lane, run);
                if (gather)
                {
                    outside.CopyTo(inside);
                }
                else
                {
                    inside.CopyTo(outside);
                }
            }

            lane += run;
        }
    }

    /// <summary>The same where the elements of a group lie side by side.</summary>
    private void MoveContiguous(Span<TBits> groups, TBits[] tile, int count, bool gather)
    {
        for (var row = 0; row < m; row++)
        {
            var inside = tile.AsSpan(row * Lanes, count);
            if (gather)
            {
                for (var lane = 0; lane < inside.Length; lane++)
                {
                    inside[lane] = groups[(lane * m) + row];
                }
            }
            else
            {
                for (var lane = 0; lane < inside.Length; lane++)
                {
                    groups[(lane * m) + row] = inside[lane];
                }
            }
        }
    }

    private void Mask(TBits[] tile, int count)
    {
        var (sign, stay) = (new Vector<TBits>(TBits.MaxValue), new Vector<TBits>(TBits.CreateTruncating(n)));
        Span<Vector<TBits>> keys = stackalloc Vector<TBits>[m];
        Span<Vector<TBits>> ranks = stackalloc Vector<TBits>[m];

        // The last vector may reach into lanes that are not in use; nobody reads them.
        for (var lane = 0; lane < count; lane += Vector<TBits>.Count)
        {
            for (var row = 0; row < keys.Length; row++)
            {
                keys[row] = new Vector<TBits>(tile, (row * Lanes) + lane) & sign;
                ranks[row] = Vector<TBits>.Zero;
            }

            // An element's rank is how many of its group go before it. Comparisons give -1 for true.
            for (var row = 1; row < keys.Length; row++)
            {
                for (var other = 0; other < row; other++)
                {
                    var before = Vector.GreaterThanOrEqual(keys[other], keys[row]);
                    ranks[row] -= before;
                    ranks[other] += Vector<TBits>.One + before;
                }
            }

            for (var row = 0; row < keys.Length; row++)
            {
                var element = new Vector<TBits>(tile, (row * Lanes) + lane);
                (element & Vector.LessThan(ranks[row], stay)).CopyTo(tile, (row * Lanes) + lane);
            }
        }
    }
}
