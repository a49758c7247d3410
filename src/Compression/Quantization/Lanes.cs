using System.Runtime.Intrinsics;

namespace CompressTool.Compression.Quantization;

/// <summary>Extremes over the lanes of a vector.</summary>
internal static class Lanes
{
    /// <summary>The smallest lane.</summary>
    public static float Min(Vector256<float> vector)
    {
        var four = Vector128.MinNative(vector.GetLower(), vector.GetUpper());
        var two = Vector128.MinNative(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MinNative(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    /// <summary>The largest lane.</summary>
    public static float Max(Vector256<float> vector) => -Min(-vector);
}
