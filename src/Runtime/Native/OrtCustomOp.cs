using System.Runtime.InteropServices;

namespace CompressTool.Runtime.Native;

/// <summary>
/// <c>struct OrtCustomOp</c>: an operator and its kernel as function pointers. A null pointer leaves a callback out where
/// ONNX Runtime allows it; members that came later than <see cref="Version"/> says are not read.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct OrtCustomOp
{
    public uint Version;
    public nint CreateKernel;
    public delegate* unmanaged<NativeOperator*, byte*> GetName;
    public delegate* unmanaged<NativeOperator*, byte*> GetExecutionProviderType;
    public delegate* unmanaged<NativeOperator*, nuint, int> GetInputType;
    public delegate* unmanaged<NativeOperator*, nuint> GetInputTypeCount;
    public delegate* unmanaged<NativeOperator*, nuint, int> GetOutputType;
    public delegate* unmanaged<NativeOperator*, nuint> GetOutputTypeCount;
    public nint KernelCompute;
    public delegate* unmanaged<nint, void> KernelDestroy;
    public delegate* unmanaged<NativeOperator*, nuint, OrtParameterKind> GetInputCharacteristic;
    public delegate* unmanaged<NativeOperator*, nuint, OrtParameterKind> GetOutputCharacteristic;
    public delegate* unmanaged<NativeOperator*, nuint, OrtMemoryType> GetInputMemoryType;
    public nint GetVariadicInputMinArity;
    public nint GetVariadicInputHomogeneity;
    public nint GetVariadicOutputMinArity;
    public nint GetVariadicOutputHomogeneity;
    public delegate* unmanaged<NativeOperator*, nint, nint, nint*, nint> CreateKernelV2; // 1.16, as the next one
    public delegate* unmanaged<nint, nint, nint> KernelComputeV2;
    public nint InferOutputShapeFn; // 1.17
    public nint GetStartVersion; // 1.17
    public nint GetEndVersion; // 1.17
    public nint GetMayInplace; // 1.18
    public nint ReleaseMayInplace; // 1.18
    public nint GetAliasMap; // 1.18
    public nint ReleaseAliasMap; // 1.18
}

/// <summary>An <see cref="OrtCustomOp"/> followed by what its callbacks need: they receive the address of the whole.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeOperator
{
    public OrtCustomOp Table;

    /// <summary>The operator's type, null-terminated UTF-8; owned.</summary>
    public byte* Name;

    /// <summary>The managed description.</summary>
    public GCHandle Description;
}

/// <summary><c>OrtCustomOpInputOutputCharacteristic</c>.</summary>
internal enum OrtParameterKind
{
    Required = 0,
    Optional = 1,
}
