using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;

namespace CompressTool.Runtime.Native;

/// <summary>What an Arm processor can do. .NET knows of dot products; for the rest the system is asked.</summary>
internal static partial class ArmFeatures
{
    public static CpuCapabilities Detect(string architecture) => new()
    {
        Architecture = architecture,
        DotProd = Dp.IsSupported,
        I8mm = Has(hwcap: 26, bit: 13, "hw.optional.arm.FEAT_I8MM", windows: 66),
        Bf16 = Has(hwcap: 26, bit: 14, "hw.optional.arm.FEAT_BF16", windows: 68),
        Sve = Has(hwcap: 16, bit: 22, "hw.optional.arm.FEAT_SVE", windows: 46),
    };

    // Linux: a bit of AT_HWCAP (16) or AT_HWCAP2 (26); macOS: a sysctl; Windows: a PF_ARM_* number of winnt.h.
    private static bool Has(uint hwcap, int bit, string sysctl, uint windows)
    {
        if (OperatingSystem.IsLinux())
        {
            return ((GetAuxiliaryValue(hwcap) >> bit) & 1) != 0;
        }

        if (OperatingSystem.IsMacOS())
        {
            var value = 0;
            nint size = sizeof(int);
            return ReadSystemControl(sysctl, ref value, ref size, 0, 0) == 0 && value != 0;
        }

        return OperatingSystem.IsWindows() && IsProcessorFeaturePresent(windows) != 0;
    }

    [LibraryImport("libc", EntryPoint = "getauxval")]
    private static partial nuint GetAuxiliaryValue(nuint type);

    [LibraryImport("libc", EntryPoint = "sysctlbyname", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ReadSystemControl(string name, ref int value, ref nint size, nint newValue, nint newSize);

    [LibraryImport("kernel32")]
    private static partial int IsProcessorFeaturePresent(uint feature);
}
