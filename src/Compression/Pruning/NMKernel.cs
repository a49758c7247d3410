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
    /// <summary>Groups worked on at a time where rows are shorter than a vector: their M rows stay in the first-level cache.</summary>
    private const int Lanes = 512;

    /// <summary>Elements of a slab.</summary>
    public int Slab => checked(m * inner);

    /// <summary>Sets what does not stay to zero.</summary>
    /// <param name="bits">Whole slabs.</param>
    public void Apply(Span<TBits> bits)
    {
        if (inner >= Vector<TBits>.Count)
        {
            ApplyToRows(bits);
        }
        else
        {
            ApplyThroughTile(bits);
        }
    }

    /// <summary>Rows hold at least one vector of neighbouring groups.</summary>
    private void ApplyToRows(Span<TBits> bits)
    {
        for (; bits.Length > 0; bits = bits[Slab..])
        {
            var slab = bits[..Slab];
            for (var column = 0; column < inner; column += Vector<TBits>.Count)
            {
                // The last vector overlaps the one before; masking groups again changes nothing.
                Mask(slab, inner, Math.Min(column, inner - Vector<TBits>.Count));
            }
        }
    }

    /// <summary>Rows are too short: groups are brought side by side first.</summary>
    private void ApplyThroughTile(Span<TBits> bits)
    {
        var array = ArrayPool<TBits>.Shared.Rent(m * Lanes);
        var tile = array.AsSpan(0, m * Lanes);
        var groups = bits.Length / m;
        for (var first = 0; first < groups; first += Lanes - (Lanes % inner))
        {
            // Whole slabs; the last vector may reach into lanes that are not in use, and nobody reads them.
            var part = bits.Slice(first * m, Math.Min(Lanes - (Lanes % inner), groups - first) * m);
            Move(part, tile, gather: true);
            for (var lane = 0; lane < part.Length / m; lane += Vector<TBits>.Count)
            {
                Mask(tile, Lanes, lane);
            }

            Move(part, tile, gather: false);
        }

        ArrayPool<TBits>.Shared.Return(array);
    }

    /// <summary>Copies groups into the tile, where row j holds the j-th element of each, or back.</summary>
    private void Move(Span<TBits> slabs, Span<TBits> tile, bool gather)
    {
        for (var row = 0; row < m; row++)
        {
            var lane = row * Lanes;
            for (var start = row * inner; start < slabs.Length; start += m * inner)
            {
                for (var index = start; index < start + inner; index++, lane++)
                {
                    if (gather)
                    {
                        tile[lane] = slabs[index];
                    }
                    else
                    {
                        slabs[index] = tile[lane];
                    }
                }
            }
        }
    }

    /// <summary>Masks one vector of groups: element j of each is in row j.</summary>
    private void Mask(Span<TBits> rows, int stride, int column)
    {
        var (sign, stay) = (new Vector<TBits>(TBits.MaxValue), new Vector<TBits>(TBits.CreateTruncating(n)));
        Span<Vector<TBits>> keys = stackalloc Vector<TBits>[m];
        Span<Vector<TBits>> ranks = stackalloc Vector<TBits>[m];
        for (var row = 0; row < keys.Length; row++)
        {
            keys[row] = new Vector<TBits>(rows[((row * stride) + column)..]) & sign;
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
            var place = rows[((row * stride) + column)..];
            (new Vector<TBits>(place) & Vector.LessThan(ranks[row], stay)).CopyTo(place);
        }
    }
}
