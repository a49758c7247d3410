using System.Runtime.InteropServices;

namespace CompressTool.Runtime.Native;

/// <summary>What <c>OrtGetApiBase</c> returns; the only entry point the library exports for us.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct OrtApiBase
{
    public delegate* unmanaged<uint, OrtApi*> GetApi;
    public delegate* unmanaged<byte*> GetVersionString;
}

/// <summary>
/// The function table of ONNX Runtime: the members of <c>struct OrtApi</c> that are used here, each at its index in
/// that struct (which only ever grows at the end). Checked against the header by <c>native/check-function-table.mjs</c>.
/// </summary>
/// <remarks>
/// Conventions of the C API: a function that can fail returns an <c>OrtStatus*</c>, null for success; <c>size_t</c> is
/// <c>nuint</c>; all pointers to ORT's objects are opaque (<c>nint</c>); strings are UTF-8 except paths, which are
/// UTF-16 on Windows (<c>ORTCHAR_T</c>). Only ever reached through a pointer: the native table may be longer or,
/// behind <see cref="OrtLibrary.RequiredApiVersion"/>, shorter than this one.
/// </remarks>
[StructLayout(LayoutKind.Explicit)]
internal unsafe struct OrtApi
{
    private const int P = 8; // Bytes of a function pointer: 32-bit processes are refused before the table is read

    // Status
    [FieldOffset(0 * P)] public delegate* unmanaged<OrtErrorCode, byte*, nint> CreateStatus;
    [FieldOffset(1 * P)] public delegate* unmanaged<nint, OrtErrorCode> GetErrorCode;
    [FieldOffset(2 * P)] public delegate* unmanaged<nint, byte*> GetErrorMessage;
    [FieldOffset(93 * P)] public delegate* unmanaged<nint, void> ReleaseStatus;

    // Environment
    [FieldOffset(4 * P)] public delegate* unmanaged<delegate* unmanaged<nint, OrtLoggingLevel, byte*, byte*, byte*, byte*, void>, nint, OrtLoggingLevel, byte*, nint*, nint> CreateEnvWithCustomLogger;
    [FieldOffset(6 * P)] public delegate* unmanaged<nint, nint> DisableTelemetryEvents;
    [FieldOffset(125 * P)] public delegate* unmanaged<byte***, int*, nint> GetAvailableProviders;
    [FieldOffset(126 * P)] public delegate* unmanaged<byte**, int, nint> ReleaseAvailableProviders;
    [FieldOffset(226 * P)] public delegate* unmanaged<nint, OrtLoggingLevel, nint> UpdateEnvWithCustomLogLevel;
    [FieldOffset(254 * P)] public delegate* unmanaged<byte*> GetBuildInfoString;

    // Session options
    [FieldOffset(10 * P)] public delegate* unmanaged<nint*, nint> CreateSessionOptions;
    [FieldOffset(11 * P)] public delegate* unmanaged<nint, void*, nint> SetOptimizedModelFilePath;
    [FieldOffset(13 * P)] public delegate* unmanaged<nint, ExecutionMode, nint> SetSessionExecutionMode;
    [FieldOffset(14 * P)] public delegate* unmanaged<nint, void*, nint> EnableProfiling;
    [FieldOffset(15 * P)] public delegate* unmanaged<nint, nint> DisableProfiling;
    [FieldOffset(16 * P)] public delegate* unmanaged<nint, nint> EnableMemPattern;
    [FieldOffset(17 * P)] public delegate* unmanaged<nint, nint> DisableMemPattern;
    [FieldOffset(18 * P)] public delegate* unmanaged<nint, nint> EnableCpuMemArena;
    [FieldOffset(19 * P)] public delegate* unmanaged<nint, nint> DisableCpuMemArena;
    [FieldOffset(20 * P)] public delegate* unmanaged<nint, byte*, nint> SetSessionLogId;
    [FieldOffset(22 * P)] public delegate* unmanaged<nint, int, nint> SetSessionLogSeverityLevel;
    [FieldOffset(23 * P)] public delegate* unmanaged<nint, GraphOptimizationLevel, nint> SetSessionGraphOptimizationLevel;
    [FieldOffset(24 * P)] public delegate* unmanaged<nint, int, nint> SetIntraOpNumThreads;
    [FieldOffset(25 * P)] public delegate* unmanaged<nint, int, nint> SetInterOpNumThreads;
    [FieldOffset(100 * P)] public delegate* unmanaged<nint, void> ReleaseSessionOptions;
    [FieldOffset(124 * P)] public delegate* unmanaged<nint, byte*, long, nint> AddFreeDimensionOverrideByName;
    [FieldOffset(130 * P)] public delegate* unmanaged<nint, byte*, byte*, nint> AddSessionConfigEntry;
    [FieldOffset(150 * P)] public delegate* unmanaged<nint, byte*, nint, nint> AddInitializer;
    [FieldOffset(210 * P)] public delegate* unmanaged<nint, byte**, nint*, nuint, nint> AddExternalInitializers;
    [FieldOffset(273 * P)] public delegate* unmanaged<nint, byte, nint> SetDeterministicCompute;
    [FieldOffset(279 * P)] public delegate* unmanaged<nint, void**, byte**, nuint*, nuint, nint> AddExternalInitializersFromFilesInMemory; // 1.18
    [FieldOffset(293 * P)] public delegate* unmanaged<nint, byte, nint> SessionOptionsSetLoadCancellationFlag; // 1.22

    // Execution providers
    [FieldOffset(170 * P)] public delegate* unmanaged<nint, nint, nint> SessionOptionsAppendExecutionProvider_TensorRT_V2;
    [FieldOffset(171 * P)] public delegate* unmanaged<nint*, nint> CreateTensorRTProviderOptions;
    [FieldOffset(172 * P)] public delegate* unmanaged<nint, byte**, byte**, nuint, nint> UpdateTensorRTProviderOptions;
    [FieldOffset(174 * P)] public delegate* unmanaged<nint, void> ReleaseTensorRTProviderOptions;
    [FieldOffset(204 * P)] public delegate* unmanaged<nint, nint, nint> SessionOptionsAppendExecutionProvider_CUDA_V2;
    [FieldOffset(205 * P)] public delegate* unmanaged<nint*, nint> CreateCUDAProviderOptions;
    [FieldOffset(206 * P)] public delegate* unmanaged<nint, byte**, byte**, nuint, nint> UpdateCUDAProviderOptions;
    [FieldOffset(208 * P)] public delegate* unmanaged<nint, void> ReleaseCUDAProviderOptions;
    [FieldOffset(216 * P)] public delegate* unmanaged<nint, byte*, byte**, byte**, nuint, nint> SessionOptionsAppendExecutionProvider;

    // Session
    [FieldOffset(7 * P)] public delegate* unmanaged<nint, void*, nint, nint*, nint> CreateSession;
    [FieldOffset(8 * P)] public delegate* unmanaged<nint, void*, nuint, nint, nint*, nint> CreateSessionFromArray;
    [FieldOffset(9 * P)] public delegate* unmanaged<nint, nint, byte**, nint*, nuint, byte**, nuint, nint*, nint> Run;
    [FieldOffset(30 * P)] public delegate* unmanaged<nint, nuint*, nint> SessionGetInputCount;
    [FieldOffset(31 * P)] public delegate* unmanaged<nint, nuint*, nint> SessionGetOutputCount;
    [FieldOffset(32 * P)] public delegate* unmanaged<nint, nuint*, nint> SessionGetOverridableInitializerCount;
    [FieldOffset(33 * P)] public delegate* unmanaged<nint, nuint, nint*, nint> SessionGetInputTypeInfo;
    [FieldOffset(34 * P)] public delegate* unmanaged<nint, nuint, nint*, nint> SessionGetOutputTypeInfo;
    [FieldOffset(35 * P)] public delegate* unmanaged<nint, nuint, nint*, nint> SessionGetOverridableInitializerTypeInfo;
    [FieldOffset(36 * P)] public delegate* unmanaged<nint, nuint, nint, byte**, nint> SessionGetInputName;
    [FieldOffset(37 * P)] public delegate* unmanaged<nint, nuint, nint, byte**, nint> SessionGetOutputName;
    [FieldOffset(38 * P)] public delegate* unmanaged<nint, nuint, nint, byte**, nint> SessionGetOverridableInitializerName;
    [FieldOffset(95 * P)] public delegate* unmanaged<nint, void> ReleaseSession;
    [FieldOffset(110 * P)] public delegate* unmanaged<nint, nint, byte**, nint> SessionEndProfiling;

    // Model metadata
    [FieldOffset(111 * P)] public delegate* unmanaged<nint, nint*, nint> SessionGetModelMetadata;
    [FieldOffset(112 * P)] public delegate* unmanaged<nint, nint, byte**, nint> ModelMetadataGetProducerName;
    [FieldOffset(113 * P)] public delegate* unmanaged<nint, nint, byte**, nint> ModelMetadataGetGraphName;
    [FieldOffset(114 * P)] public delegate* unmanaged<nint, nint, byte**, nint> ModelMetadataGetDomain;
    [FieldOffset(115 * P)] public delegate* unmanaged<nint, nint, byte**, nint> ModelMetadataGetDescription;
    [FieldOffset(116 * P)] public delegate* unmanaged<nint, nint, byte*, byte**, nint> ModelMetadataLookupCustomMetadataMap;
    [FieldOffset(117 * P)] public delegate* unmanaged<nint, long*, nint> ModelMetadataGetVersion;
    [FieldOffset(118 * P)] public delegate* unmanaged<nint, void> ReleaseModelMetadata;
    [FieldOffset(123 * P)] public delegate* unmanaged<nint, nint, byte***, long*, nint> ModelMetadataGetCustomMetadataMapKeys;
    [FieldOffset(158 * P)] public delegate* unmanaged<nint, nint, byte**, nint> ModelMetadataGetGraphDescription;

    // Run options
    [FieldOffset(39 * P)] public delegate* unmanaged<nint*, nint> CreateRunOptions;
    [FieldOffset(41 * P)] public delegate* unmanaged<nint, int, nint> RunOptionsSetRunLogSeverityLevel;
    [FieldOffset(42 * P)] public delegate* unmanaged<nint, byte*, nint> RunOptionsSetRunTag;
    [FieldOffset(46 * P)] public delegate* unmanaged<nint, nint> RunOptionsSetTerminate;
    [FieldOffset(47 * P)] public delegate* unmanaged<nint, nint> RunOptionsUnsetTerminate;
    [FieldOffset(97 * P)] public delegate* unmanaged<nint, void> ReleaseRunOptions;
    [FieldOffset(165 * P)] public delegate* unmanaged<nint, byte*, byte*, nint> AddRunConfigEntry;

    // Values
    [FieldOffset(48 * P)] public delegate* unmanaged<nint, long*, nuint, int, nint*, nint> CreateTensorAsOrtValue;
    [FieldOffset(49 * P)] public delegate* unmanaged<nint, void*, nuint, long*, nuint, int, nint*, nint> CreateTensorWithDataAsOrtValue;
    [FieldOffset(51 * P)] public delegate* unmanaged<nint, void**, nint> GetTensorMutableData;
    [FieldOffset(52 * P)] public delegate* unmanaged<nint, byte**, nuint, nint> FillStringTensor;
    [FieldOffset(53 * P)] public delegate* unmanaged<nint, nuint*, nint> GetStringTensorDataLength;
    [FieldOffset(54 * P)] public delegate* unmanaged<nint, void*, nuint, nuint*, nuint, nint> GetStringTensorContent;
    [FieldOffset(65 * P)] public delegate* unmanaged<nint, nint*, nint> GetTensorTypeAndShape;
    [FieldOffset(67 * P)] public delegate* unmanaged<nint, OnnxValueType*, nint> GetValueType;
    [FieldOffset(96 * P)] public delegate* unmanaged<nint, void> ReleaseValue;
    [FieldOffset(194 * P)] public delegate* unmanaged<nint, nint*, nint> GetTensorMemoryInfo;

    // Types and shapes
    [FieldOffset(55 * P)] public delegate* unmanaged<nint, nint*, nint> CastTypeInfoToTensorInfo;
    [FieldOffset(56 * P)] public delegate* unmanaged<nint, OnnxValueType*, nint> GetOnnxTypeFromTypeInfo;
    [FieldOffset(60 * P)] public delegate* unmanaged<nint, int*, nint> GetTensorElementType;
    [FieldOffset(61 * P)] public delegate* unmanaged<nint, nuint*, nint> GetDimensionsCount;
    [FieldOffset(62 * P)] public delegate* unmanaged<nint, long*, nuint, nint> GetDimensions;
    [FieldOffset(63 * P)] public delegate* unmanaged<nint, byte**, nuint, nint> GetSymbolicDimensions;
    [FieldOffset(98 * P)] public delegate* unmanaged<nint, void> ReleaseTypeInfo;
    [FieldOffset(99 * P)] public delegate* unmanaged<nint, void> ReleaseTensorTypeAndShapeInfo;
    [FieldOffset(390 * P)] public delegate* unmanaged<nint, byte> TensorTypeAndShape_HasShape; // 1.24

    // Memory and allocators
    [FieldOffset(68 * P)] public delegate* unmanaged<byte*, OrtAllocatorType, int, OrtMemoryType, nint*, nint> CreateMemoryInfo;
    [FieldOffset(69 * P)] public delegate* unmanaged<OrtAllocatorType, OrtMemoryType, nint*, nint> CreateCpuMemoryInfo;
    [FieldOffset(70 * P)] public delegate* unmanaged<nint, nint, int*, nint> CompareMemoryInfo;
    [FieldOffset(71 * P)] public delegate* unmanaged<nint, byte**, nint> MemoryInfoGetName;
    [FieldOffset(72 * P)] public delegate* unmanaged<nint, int*, nint> MemoryInfoGetId;
    [FieldOffset(73 * P)] public delegate* unmanaged<nint, OrtMemoryType*, nint> MemoryInfoGetMemType;
    [FieldOffset(74 * P)] public delegate* unmanaged<nint, OrtAllocatorType*, nint> MemoryInfoGetType;
    [FieldOffset(75 * P)] public delegate* unmanaged<nint, nuint, void**, nint> AllocatorAlloc;
    [FieldOffset(76 * P)] public delegate* unmanaged<nint, void*, nint> AllocatorFree;
    [FieldOffset(78 * P)] public delegate* unmanaged<nint*, nint> GetAllocatorWithDefaultOptions;
    [FieldOffset(94 * P)] public delegate* unmanaged<nint, void> ReleaseMemoryInfo;
    [FieldOffset(131 * P)] public delegate* unmanaged<nint, nint, nint*, nint> CreateAllocator;
    [FieldOffset(132 * P)] public delegate* unmanaged<nint, void> ReleaseAllocator;
    [FieldOffset(225 * P)] public delegate* unmanaged<nint, int*, void> MemoryInfoGetDeviceType;
    [FieldOffset(381 * P)] public delegate* unmanaged<nint, nint*, nuint, nint> SessionGetMemoryInfoForOutputs; // 1.23

    // Statistics of allocators
    [FieldOffset(297 * P)] public delegate* unmanaged<nint, byte*, byte*> GetKeyValue; // 1.22
    [FieldOffset(300 * P)] public delegate* unmanaged<nint, void> ReleaseKeyValuePairs; // 1.22
    [FieldOffset(319 * P)] public delegate* unmanaged<nint, nint*, nint> AllocatorGetStats; // 1.23

    // Io-binding
    [FieldOffset(133 * P)] public delegate* unmanaged<nint, nint, nint, nint> RunWithBinding;
    [FieldOffset(134 * P)] public delegate* unmanaged<nint, nint*, nint> CreateIoBinding;
    [FieldOffset(135 * P)] public delegate* unmanaged<nint, void> ReleaseIoBinding;
    [FieldOffset(136 * P)] public delegate* unmanaged<nint, byte*, nint, nint> BindInput;
    [FieldOffset(137 * P)] public delegate* unmanaged<nint, byte*, nint, nint> BindOutput;
    [FieldOffset(138 * P)] public delegate* unmanaged<nint, byte*, nint, nint> BindOutputToDevice;
    [FieldOffset(139 * P)] public delegate* unmanaged<nint, nint, byte**, nuint**, nuint*, nint> GetBoundOutputNames;
    [FieldOffset(140 * P)] public delegate* unmanaged<nint, nint, nint**, nuint*, nint> GetBoundOutputValues;
    [FieldOffset(141 * P)] public delegate* unmanaged<nint, void> ClearBoundInputs;
    [FieldOffset(142 * P)] public delegate* unmanaged<nint, void> ClearBoundOutputs;
    [FieldOffset(202 * P)] public delegate* unmanaged<nint, nint> SynchronizeBoundInputs;
    [FieldOffset(203 * P)] public delegate* unmanaged<nint, nint> SynchronizeBoundOutputs;

    // Custom operators
    [FieldOffset(26 * P)] public delegate* unmanaged<byte*, nint*, nint> CreateCustomOpDomain;
    [FieldOffset(27 * P)] public delegate* unmanaged<nint, OrtCustomOp*, nint> CustomOpDomain_Add;
    [FieldOffset(28 * P)] public delegate* unmanaged<nint, nint, nint> AddCustomOpDomain;
    [FieldOffset(85 * P)] public delegate* unmanaged<nint, byte*, float*, nint> KernelInfoGetAttribute_float;
    [FieldOffset(86 * P)] public delegate* unmanaged<nint, byte*, long*, nint> KernelInfoGetAttribute_int64;
    [FieldOffset(89 * P)] public delegate* unmanaged<nint, nuint*, nint> KernelContext_GetOutputCount;
    [FieldOffset(90 * P)] public delegate* unmanaged<nint, nuint, nint*, nint> KernelContext_GetInput;
    [FieldOffset(91 * P)] public delegate* unmanaged<nint, nuint, long*, nuint, nint*, nint> KernelContext_GetOutput;
    [FieldOffset(101 * P)] public delegate* unmanaged<nint, void> ReleaseCustomOpDomain;
    [FieldOffset(163 * P)] public delegate* unmanaged<nint, byte*, long*, nuint*, nint> KernelInfoGetAttributeArray_int64;
    [FieldOffset(253 * P)] public delegate* unmanaged<nint, nint, nint*, nint> KernelContext_GetAllocator;
    [FieldOffset(274 * P)] public delegate* unmanaged<nint, delegate* unmanaged<nint, nuint, void>, nuint, nuint, nint, nint> KernelContext_ParallelFor;
}
