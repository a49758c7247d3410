namespace CompressTool.Runtime.Tests;

[TestClass]
public sealed class CpuCapabilitiesTests
{
    [TestMethod]
    public void Class_names_what_decides_the_numbers()
    {
        var x64 = new CpuCapabilities { Architecture = "x64" };
        Assert.AreEqual("x64", x64.Class);
        Assert.AreEqual("x64-avx2", (x64 with { Avx2 = true }).Class);
        Assert.AreEqual("x64-avx2-vnni", (x64 with { Avx2 = true, AvxVnni = true }).Class);
        var avx512 = x64 with { Avx2 = true, Avx512 = true };
        Assert.AreEqual("x64-avx512", avx512.Class);
        Assert.AreEqual("x64-avx512", (avx512 with { AvxVnni = true }).Class);
        Assert.AreEqual("x64-avx512-vnni", (avx512 with { Avx512Vnni = true }).Class);
        Assert.AreEqual("x64-avx512-vnni-bf16-amx", (avx512 with { Avx512Vnni = true, Bf16 = true, AmxInt8 = true, AmxBf16 = true }).Class);
        Assert.AreEqual("arm64-dotprod-i8mm-bf16", new CpuCapabilities { Architecture = "arm64", DotProd = true, I8mm = true, Bf16 = true }.Class);
    }

    [TestMethod]
    public void Features_are_listed_for_people() => Assert.AreSequenceEqual(
        ["AVX2", "AVX-512", "AVX512-VNNI"], new CpuCapabilities { Architecture = "x64", Avx2 = true, Avx512 = true, Avx512Vnni = true }.Features);

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void Capabilities_are_those_the_kernel_reports()
    {
        var flags = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal) || line.StartsWith("Features", StringComparison.Ordinal))
            ?.Split(':')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries).ToHashSet() ?? [];
        var cpu = CpuCapabilities.Current;

        Assert.AreEqual(flags.Contains("avx2") && flags.Contains("fma"), cpu.Avx2);
        Assert.AreEqual(flags.IsSupersetOf(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]), cpu.Avx512);
        Assert.AreEqual(flags.Contains("avx512_vnni"), cpu.Avx512Vnni);
        Assert.AreEqual(flags.Contains("avx_vnni"), cpu.AvxVnni);
        Assert.AreEqual(flags.Contains("avx512_bf16") || flags.Contains("bf16"), cpu.Bf16);
        Assert.AreEqual(flags.Contains("amx_int8"), cpu.AmxInt8);
        Assert.AreEqual(flags.Contains("amx_bf16"), cpu.AmxBf16);
        Assert.AreEqual(flags.Contains("asimddp"), cpu.DotProd);
        Assert.AreEqual(flags.Contains("i8mm"), cpu.I8mm);
        Assert.AreEqual(flags.Contains("sve"), cpu.Sve);
    }
}
