using CompressTool.Runtime;

namespace CompressTool.Recipes.Planning;

/// <summary>The parts of the machine that numbers can depend on. Asked for only when a stage or gate depends on them: it loads the runtime.</summary>
/// <param name="Runtime">Version of ONNX Runtime, e.g. <c>1.30.0</c>.</param>
/// <param name="Cpu">The CPU's class, e.g. <c>x64-avx512-vnni</c>.</param>
public sealed record MachineFacts(string Runtime, string Cpu)
{
    /// <summary>This machine.</summary>
    public static MachineFacts Current() => new(OrtEnvironment.Version, CpuCapabilities.Current.Class);
}
