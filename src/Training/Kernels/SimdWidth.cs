using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CompressTool.Training.Kernels;

/// <summary>The widest vectors a kernel uses.</summary>
internal enum SimdWidth
{
    /// <summary>SSE, Arm, and emulation elsewhere.</summary>
    Bits128,

    /// <summary>AVX2 with fused multiply-add.</summary>
    Bits256,

    /// <summary>AVX-512.</summary>
    Bits512,
}

/// <summary>What this processor has.</summary>
internal static class Simd
{
    /// <summary>The widest vectors there are. <see cref="Vector512.IsHardwareAccelerated"/> is false also on processors that
    /// slow down a little for 512 bits; arithmetic as dense as ours is still twice as fast there.</summary>
    public static SimdWidth Best { get; } = Avx512F.IsSupported ? SimdWidth.Bits512 : Vector256.IsHardwareAccelerated && Fma.IsSupported ? SimdWidth.Bits256 : SimdWidth.Bits128;
}
