using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning;

/// <summary>
/// Magnitudes as integers: the bits of a floating-point number without its sign order like its absolute value. The key type
/// is the signed integer of the element's size: short for float16 and bfloat16, int for float32, long for float64.
/// Infinity is the largest magnitude; NaNs lie above it.
/// </summary>
internal static class Magnitude
{
    /// <summary>Elements looked at in one go: their keys stay in the first-level cache, and counts of them fit a short.</summary>
    public const int Tile = 4096;

    /// <summary>An element type's own key of infinity.</summary>
    public static long Infinity(DataType type) => type switch
    {
        DataType.Float => 0x7F80_0000,
        DataType.Float16 => 0x7C00,
        DataType.BFloat16 => 0x7F80,
        DataType.Double => 0x7FF0_0000_0000_0000,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>Reads the magnitudes of raw elements; into wider keys too, which have the same order for all element types.</summary>
    public static void Load<TKey>(DataType type, ReadOnlySpan<byte> raw, Span<TKey> keys)
        where TKey : unmanaged, IBinaryInteger<TKey>, IMinMaxValue<TKey>
    {
        if (type.BitSize() == Unsafe.SizeOf<TKey>() * 8)
        {
            Abs(MemoryMarshal.Cast<byte, TKey>(raw), keys);
        }
        else if (type == DataType.Float)
        {
            var bits = MemoryMarshal.Cast<byte, int>(raw);
            for (var index = 0; index < bits.Length; index++)
            {
                keys[index] = Widen<TKey>(type, bits[index] & int.MaxValue);
            }
        }
        else
        {
            var bits = MemoryMarshal.Cast<byte, short>(raw);
            for (var index = 0; index < bits.Length; index++)
            {
                keys[index] = Widen<TKey>(type, bits[index] & short.MaxValue);
            }
        }
    }

    /// <summary>The magnitudes of elements of the keys' size.</summary>
    public static void Abs<TKey>(ReadOnlySpan<TKey> bits, Span<TKey> keys)
        where TKey : unmanaged, IBinaryInteger<TKey>, IMinMaxValue<TKey>
    {
        var index = 0;
        for (; index <= bits.Length - Vector<TKey>.Count; index += Vector<TKey>.Count)
        {
            (new Vector<TKey>(bits[index..]) & new Vector<TKey>(TKey.MaxValue)).CopyTo(keys[index..]);
        }

        for (; index < bits.Length; index++)
        {
            keys[index] = bits[index] & TKey.MaxValue;
        }
    }

    /// <summary>The smallest own key of an element type whose magnitude is at least that of a wider key.</summary>
    public static long Narrow<TKey>(DataType type, TKey key)
        where TKey : unmanaged, IBinaryInteger<TKey>
    {
        if (type.BitSize() == Unsafe.SizeOf<TKey>() * 8)
        {
            return long.CreateTruncating(key);
        }

        var (low, high) = (0L, Infinity(type));
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = Widen<TKey>(type, middle) >= key ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    /// <summary>The key, in a wider type, of an element type's own key.</summary>
    public static TKey Widen<TKey>(DataType type, long key)
        where TKey : unmanaged, IBinaryInteger<TKey>
    {
        if (type.BitSize() == Unsafe.SizeOf<TKey>() * 8)
        {
            return TKey.CreateTruncating(key);
        }

        var value = type switch
        {
            DataType.Float => BitConverter.Int32BitsToSingle((int)key),
            DataType.BFloat16 => BitConverter.Int32BitsToSingle((int)key << 16),
            _ => (float)BitConverter.Int16BitsToHalf((short)key),
        };
        return Unsafe.SizeOf<TKey>() == sizeof(int)
            ? TKey.CreateTruncating(BitConverter.SingleToInt32Bits(value))
            : TKey.CreateTruncating(BitConverter.DoubleToInt64Bits(value));
    }

    /// <summary>How many keys of a tile (at most <see cref="Tile"/>) lie in a range.</summary>
    public static int Count<TKey>(ReadOnlySpan<TKey> keys, TKey from, TKey to)
        where TKey : unmanaged, IBinaryInteger<TKey>
    {
        var (low, high, sum) = (new Vector<TKey>(from), new Vector<TKey>(to), Vector<TKey>.Zero);
        var index = 0;
        for (; index <= keys.Length - Vector<TKey>.Count; index += Vector<TKey>.Count)
        {
            var vector = new Vector<TKey>(keys[index..]);
            sum -= Vector.GreaterThanOrEqual(vector, low) & Vector.LessThanOrEqual(vector, high);
        }

        var count = int.CreateTruncating(Vector.Sum(sum));
        for (; index < keys.Length; index++)
        {
            count += keys[index] >= from && keys[index] <= to ? 1 : 0;
        }

        return count;
    }

    /// <summary>How many keys of a tile (at most <see cref="Tile"/>) are zero, and how many lie above a limit.</summary>
    public static (int Zeros, int Above) CountZeros<TKey>(ReadOnlySpan<TKey> keys, TKey limit)
        where TKey : unmanaged, IBinaryInteger<TKey>
    {
        var (bound, zeros, above) = (new Vector<TKey>(limit), Vector<TKey>.Zero, Vector<TKey>.Zero);
        var index = 0;
        for (; index <= keys.Length - Vector<TKey>.Count; index += Vector<TKey>.Count)
        {
            var vector = new Vector<TKey>(keys[index..]);
            zeros -= Vector.Equals(vector, Vector<TKey>.Zero);
            above -= Vector.GreaterThan(vector, bound);
        }

        var (zeroCount, aboveCount) = (int.CreateTruncating(Vector.Sum(zeros)), int.CreateTruncating(Vector.Sum(above)));
        for (; index < keys.Length; index++)
        {
            zeroCount += keys[index] == TKey.Zero ? 1 : 0;
            aboveCount += keys[index] > limit ? 1 : 0;
        }

        return (zeroCount, aboveCount);
    }

    /// <summary>Sets the elements whose magnitude is below a limit to zero.</summary>
    public static void ZeroBelow<TKey>(Span<TKey> bits, TKey limit)
        where TKey : unmanaged, IBinaryInteger<TKey>, IMinMaxValue<TKey>
    {
        var (sign, bound) = (new Vector<TKey>(TKey.MaxValue), new Vector<TKey>(limit));
        var index = 0;
        for (; index <= bits.Length - Vector<TKey>.Count; index += Vector<TKey>.Count)
        {
            var vector = new Vector<TKey>(bits[index..]);
            Vector.AndNot(vector, Vector.LessThan(vector & sign, bound)).CopyTo(bits[index..]);
        }

        for (; index < bits.Length; index++)
        {
            if ((bits[index] & TKey.MaxValue) < limit)
            {
                bits[index] = TKey.Zero;
            }
        }
    }
}
