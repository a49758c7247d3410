using System.Runtime.InteropServices;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime.CustomOperators;

/// <summary>Makes domains of custom operators for ONNX Runtime, and is what its function pointers lead to.</summary>
internal static unsafe class CustomOperatorDomain
{
    private static readonly SemaphoreSlim s_firstLoad = new(1, 1);
    private static volatile bool s_isKnown;

    /// <summary>
    /// Lets one session alone bring the domain to ONNX Runtime, which has a table of all domains and fails when two sessions add the same name
    /// at once. Later sessions find it there and need not wait.
    /// </summary>
    /// <returns>To be disposed of when the session is loaded; null when the domain is known already.</returns>
    public static IDisposable? EnterFirstLoad()
    {
        if (s_isKnown)
        {
            return null;
        }

        s_firstLoad.Wait();
        return new FirstLoad();
    }

    /// <summary>Makes a domain with operators, which live as long as it does.</summary>
    public static OrtHandle Create(IEnumerable<CustomOperator> operators)
    {
        var api = OrtLibrary.Api;
        using var name = new NativeText(CustomOperator.Domain);
        nint pointer;
        OrtStatus.Check(api->CreateCustomOpDomain(name.Pointer, &pointer), "Creating a domain of custom operators");
        var domain = new OrtHandle(pointer, api->ReleaseCustomOpDomain);
        try
        {
            foreach (var description in operators)
            {
                using var handle = Describe(description); // The domain holds it from here on.
                domain.Keep(handle);
                OrtStatus.Check(api->CustomOpDomain_Add(pointer, (OrtCustomOp*)handle.DangerousGetHandle()), $"Adding the operator {description.OpType}");
            }

            return domain;
        }
        catch
        {
            domain.Dispose();
            throw;
        }
    }

    private static OrtHandle Describe(CustomOperator description)
    {
        var native = (NativeOperator*)NativeMemory.AllocZeroed((nuint)sizeof(NativeOperator));
        native->Table = new OrtCustomOp
        {
            Version = (uint)OrtLibrary.Current.ApiVersion,
            GetName = &GetName,
            GetExecutionProviderType = &GetExecutionProviderType,
            GetInputType = &GetInputType,
            GetInputTypeCount = &GetInputTypeCount,
            GetOutputType = &GetOutputType,
            GetOutputTypeCount = &GetOutputTypeCount,
            KernelDestroy = &KernelDestroy,
            GetInputCharacteristic = &GetInputCharacteristic,
            GetOutputCharacteristic = &GetOutputCharacteristic,
            GetInputMemoryType = &GetInputMemoryType,
            CreateKernelV2 = &CreateKernel,
            KernelComputeV2 = &Compute,
        };
        native->Description = GCHandle.Alloc(description);
        native->Name = NativeText.Copy(description.OpType);
        return new OrtHandle((nint)native, &Free);
    }

    private static CustomOperator Description(NativeOperator* native) => (CustomOperator)native->Description.Target!;

    /// <summary>Runs managed code for a native caller: an exception becomes a status.</summary>
    private static nint Guard(Action action)
    {
        try
        {
            action();
            return 0;
        }
#pragma warning disable CA1031 // An exception must not unwind through native frames; ONNX Runtime reports the status with the node's name
        catch (Exception exception)
#pragma warning restore CA1031
        {
            using var message = new NativeText(exception.Message.Replace('\0', ' '));
            return OrtLibrary.Api->CreateStatus(OrtErrorCode.RuntimeException, message.Pointer);
        }
    }

    [UnmanagedCallersOnly]
    private static nint CreateKernel(NativeOperator* native, nint api, nint info, nint* kernel) =>
        Guard(() => *kernel = GCHandle.ToIntPtr(GCHandle.Alloc(Description(native).CreateKernel(new KernelInfo(info)))));

    [UnmanagedCallersOnly]
    private static nint Compute(nint kernel, nint context) =>
        Guard(() => ((CustomKernel)GCHandle.FromIntPtr(kernel).Target!).Compute(new KernelContext(context)));

    [UnmanagedCallersOnly]
    private static void KernelDestroy(nint kernel)
    {
        // Null where making the kernel failed.
        if (kernel != 0)
        {
            GCHandle.FromIntPtr(kernel).Free();
        }
    }

    [UnmanagedCallersOnly]
    private static void Free(nint pointer)
    {
        var native = (NativeOperator*)pointer;
        native->Description.Free();
        Marshal.FreeCoTaskMem((nint)native->Name);
        NativeMemory.Free(native);
    }

    [UnmanagedCallersOnly]
    private static byte* GetName(NativeOperator* native) => native->Name;

    /// <summary>Null: the CPU.</summary>
    [UnmanagedCallersOnly]
    private static byte* GetExecutionProviderType(NativeOperator* native) => null;

    [UnmanagedCallersOnly]
    private static nuint GetInputTypeCount(NativeOperator* native) => (nuint)Description(native).Inputs.Count;

    [UnmanagedCallersOnly]
    private static nuint GetOutputTypeCount(NativeOperator* native) => (nuint)Description(native).Outputs.Count;

    [UnmanagedCallersOnly]
    private static int GetInputType(NativeOperator* native, nuint index) => ElementTypes.ToNative(Description(native).Inputs[(int)index].Type);

    [UnmanagedCallersOnly]
    private static int GetOutputType(NativeOperator* native, nuint index) => ElementTypes.ToNative(Description(native).Outputs[(int)index].Type);

    [UnmanagedCallersOnly]
    private static OrtParameterKind GetInputCharacteristic(NativeOperator* native, nuint index) => Kind(Description(native).Inputs[(int)index]);

    [UnmanagedCallersOnly]
    private static OrtParameterKind GetOutputCharacteristic(NativeOperator* native, nuint index) => Kind(Description(native).Outputs[(int)index]);

    [UnmanagedCallersOnly]
    private static OrtMemoryType GetInputMemoryType(NativeOperator* native, nuint index) => OrtMemoryType.Default;

    private static OrtParameterKind Kind(OperatorParameter parameter) => parameter.IsOptional ? OrtParameterKind.Optional : OrtParameterKind.Required;

    private sealed class FirstLoad : IDisposable
    {
        public void Dispose()
        {
            s_isKnown = true;
            s_firstLoad.Release();
        }
    }
}
