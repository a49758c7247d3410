using System.Runtime.InteropServices;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime;

/// <summary>
/// The instruction sets of a processor that decide which kernels ONNX Runtime uses, and with them the last bits of
/// results and the speed of integer types.
/// </summary>
public sealed record CpuCapabilities
{
    /// <summary>The processor this runs on.</summary>
    public static CpuCapabilities Current { get; } = Detect();

    /// <summary><c>x64</c>, <c>arm64</c>, or .NET's name of another architecture.</summary>
    public required string Architecture { get; init; }

    /// <summary>x64: 256-bit vectors with fused multiply-add.</summary>
    public bool Avx2 { get; init; }

    /// <summary>x64: 512-bit vectors (F, BW, CD, DQ, VL).</summary>
    public bool Avx512 { get; init; }

    /// <summary>x64: 8-bit dot products on 512-bit vectors.</summary>
    public bool Avx512Vnni { get; init; }

    /// <summary>x64: 8-bit dot products on 256-bit vectors.</summary>
    public bool AvxVnni { get; init; }

    /// <summary>bfloat16 dot products (AVX512-BF16, or Arm's BF16).</summary>
    public bool Bf16 { get; init; }

    /// <summary>x64: tiles of 8-bit integers, usable (the system saves their state).</summary>
    public bool AmxInt8 { get; init; }

    /// <summary>x64: tiles of bfloat16, usable (the system saves their state).</summary>
    public bool AmxBf16 { get; init; }

    /// <summary>Arm: 8-bit dot products.</summary>
    public bool DotProd { get; init; }

    /// <summary>Arm: 8-bit matrix products.</summary>
    public bool I8mm { get; init; }

    /// <summary>Arm: scalable vectors.</summary>
    public bool Sve { get; init; }

    /// <summary>What is present, for people: e.g. <c>AVX2</c>, <c>AVX-512</c>, <c>AVX512-VNNI</c>.</summary>
    public IReadOnlyList<string> Features =>
    [
        .. from feature in new[]
           {
               (Avx2, "AVX2"), (Avx512, "AVX-512"), (AvxVnni, "AVX-VNNI"), (Avx512Vnni, "AVX512-VNNI"), (AmxInt8, "AMX-INT8"), (AmxBf16, "AMX-BF16"),
               (DotProd, "dotprod"), (I8mm, "i8mm"), (Sve, "SVE"), (Bf16, "bf16"),
           }
           where feature.Item1
           select feature.Item2,
    ];

    /// <summary>
    /// The class of processors that give the same numbers, for keys of stages that depend on it: the architecture and
    /// what matters of its instruction sets, e.g. <c>x64-avx512-vnni</c>, <c>arm64-dotprod-i8mm</c>.
    /// </summary>
    public string Class
    {
        get
        {
            List<string> parts = [Architecture];
            if (Avx512 || Avx2)
            {
                parts.Add(Avx512 ? "avx512" : "avx2");
            }

            Add(Avx512Vnni || (AvxVnni && !Avx512), "vnni");
            Add(DotProd, "dotprod");
            Add(I8mm, "i8mm");
            Add(Sve, "sve");
            Add(Bf16, "bf16");
            Add(AmxInt8 || AmxBf16, "amx");
            return string.Join('-', parts);

            void Add(bool present, string part)
            {
                if (present)
                {
                    parts.Add(part);
                }
            }
        }
    }

    private static CpuCapabilities Detect()
    {
        var architecture = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        return RuntimeInformation.ProcessArchitecture switch
        {
            System.Runtime.InteropServices.Architecture.X64 => X64Features.Detect(architecture),
            System.Runtime.InteropServices.Architecture.Arm64 => ArmFeatures.Detect(architecture),
            _ => new CpuCapabilities { Architecture = architecture },
        };
    }
}
