using System.Runtime.Intrinsics.X86;

namespace CompressTool.Runtime.Native;

/// <summary>What an x64 processor can do.</summary>
internal static class X64Features
{
    public static CpuCapabilities Detect(string architecture)
    {
        // .NET's flags include that the system saves the registers; what is read from the processor builds on them.
        var avx2 = Avx2.IsSupported && Fma.IsSupported;
        var avx512 = Avx512F.IsSupported && Avx512BW.IsSupported && Avx512CD.IsSupported && Avx512DQ.IsSupported && Avx512F.VL.IsSupported;
        var highest = X86Base.CpuId(0, 0).Eax;
        var (subleaves, _, ecx, edx) = highest >= 7 ? X86Base.CpuId(7, 0) : default;
        var eax = subleaves >= 1 ? X86Base.CpuId(7, 1).Eax : 0;
        var tiles = highest >= 13 && Bit(edx, 24) && SystemSavesTiles();
        return new CpuCapabilities
        {
            Architecture = architecture,
            Avx2 = avx2,
            Avx512 = avx512,
            Avx512Vnni = avx512 && Bit(ecx, 11),
            AvxVnni = avx2 && Bit(eax, 4),
            Bf16 = avx512 && Bit(eax, 5),
            AmxBf16 = tiles && Bit(edx, 22),
            AmxInt8 = tiles && Bit(edx, 25),
        };
    }

    // The state of the tiles (component 18) lies inside the area that the system has enabled.
    private static bool SystemSavesTiles()
    {
        var (size, offset, _, _) = X86Base.CpuId(13, 18);
        return size != 0 && X86Base.CpuId(13, 0).Ebx >= offset + size;
    }

    private static bool Bit(int register, int bit) => ((register >> bit) & 1) != 0;
}
