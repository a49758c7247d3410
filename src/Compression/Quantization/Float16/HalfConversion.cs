using System.Numerics;
using System.Runtime.InteropServices;

namespace CompressTool.Compression.Quantization.Float16;

/// <summary>
/// float32 to float16 for weights: round to nearest, ties to even, except that a value never turns into an infinity or a
/// zero that it was not. Finite values beyond 65504 become ±65504; values below the smallest subnormal, 2^-24, become
/// ±2^-24. Zeros and infinities stay, every NaN becomes the quiet NaN of its sign. The same on every machine.
/// </summary>
internal static class HalfConversion
{
    private const uint Largest = 0x477F_E000; // 65504
    private const uint SmallestNormal = 0x3880_0000; // 2^-14
    private const uint Infinity = 0x7F80_0000;
    private const uint LargestSingle = 0x7F7F_FFFF;
    private const uint Half = 0x3F00_0000; // 0.5

    /// <summary>Converts every element; <paramref name="destination"/> receives the float16 bit patterns.</summary>
    public static void Convert(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        var bits = MemoryMarshal.Cast<float, uint>(source);
        destination = destination[..bits.Length];
        var step = Vector<ushort>.Count;
        var index = 0;
        for (; index <= bits.Length - step; index += step)
        {
            var low = Convert(new Vector<uint>(bits[index..]));
            var high = Convert(new Vector<uint>(bits[(index + (step / 2))..]));
            Vector.Narrow(low, high).CopyTo(destination[index..]);
        }

        for (; index < bits.Length; index++)
        {
            destination[index] = (ushort)Convert(new Vector<uint>(bits[index]))[0];
        }
    }

    /// <summary>
    /// How many finite elements lie beyond ±65504, and the largest magnitude among them. The largest float32 itself is not
    /// counted: it stands for infinity in attention masks, and ±65504 does that as well.
    /// </summary>
    public static (long Count, float Largest) CountClamped(ReadOnlySpan<float> source)
    {
        const int Chunk = 4096;
        var bits = MemoryMarshal.Cast<float, uint>(source);
        var (count, largest) = (0L, 0U);
        for (; !bits.IsEmpty; bits = bits[Math.Min(Chunk, bits.Length)..])
        {
            var chunk = bits[..Math.Min(Chunk, bits.Length)];
            if (!AnyBeyond(chunk))
            {
                continue;
            }

            foreach (var element in chunk)
            {
                var magnitude = element & 0x7FFF_FFFF;
                if (magnitude is > Largest and < LargestSingle)
                {
                    count++;
                    largest = Math.Max(largest, magnitude);
                }
            }
        }

        return (count, BitConverter.UInt32BitsToSingle(largest));
    }

    private static bool AnyBeyond(ReadOnlySpan<uint> bits)
    {
        var step = Vector<uint>.Count;
        var largest = Vector<uint>.Zero;
        var index = 0;
        for (; index <= bits.Length - step; index += step)
        {
            largest = Vector.Max(largest, new Vector<uint>(bits[index..]) & new Vector<uint>(0x7FFF_FFFF));
        }

        var any = Vector.GreaterThanAny(largest, new Vector<uint>(Largest));
        for (; index < bits.Length; index++)
        {
            any |= (bits[index] & 0x7FFF_FFFF) > Largest;
        }

        return any;
    }

    private static Vector<uint> Convert(Vector<uint> bits)
    {
        var magnitude = bits & new Vector<uint>(0x7FFF_FFFF);

        // Normal: rebias the exponent from 127 to 15 and round the 13 bits that are cut off.
        var odd = Vector.ShiftRightLogical(magnitude, 13) & Vector<uint>.One;
        var normal = Vector.ShiftRightLogical(magnitude - new Vector<uint>(112 << 23) + new Vector<uint>(0xFFF) + odd, 13);

        // Subnormal: beside 0.5 the last bit of a float32 is worth 2^-24, so the addition rounds; at least one unit unless zero.
        var sum = Vector.AsVectorUInt32(Vector.AsVectorSingle(magnitude) + new Vector<float>(0.5f));
        var subnormal = Vector.Max(sum - new Vector<uint>(Half), Vector.Min(magnitude, Vector<uint>.One));

        var finite = Vector.Min(Vector.ConditionalSelect(Vector.LessThan(magnitude, new Vector<uint>(SmallestNormal)), subnormal, normal), new Vector<uint>(0x7BFF));
        var other = Vector.ConditionalSelect(Vector.Equals(magnitude, new Vector<uint>(Infinity)), new Vector<uint>(0x7C00), new Vector<uint>(0x7E00));
        var result = Vector.ConditionalSelect(Vector.LessThan(magnitude, new Vector<uint>(Infinity)), finite, other);
        return result | (Vector.ShiftRightLogical(bits, 16) & new Vector<uint>(0x8000));
    }
}
