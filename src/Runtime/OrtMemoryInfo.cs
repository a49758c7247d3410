using CompressTool.Runtime.Native;

namespace CompressTool.Runtime;

/// <summary>How memory is obtained.</summary>
public enum OrtAllocatorType
{
    /// <summary>None.</summary>
    Invalid = -1,
    /// <summary>Straight from the device.</summary>
    Device = 0,
    /// <summary>From a pool.</summary>
    Arena = 1,
    /// <summary>For initializers only.</summary>
    ReadOnly = 2,
}

/// <summary>Which memory of a device.</summary>
public enum OrtMemoryType
{
    /// <summary>Host memory for inputs of another provider.</summary>
    CpuInput = -2,
    /// <summary>Host memory that another provider writes.</summary>
    CpuOutput = -1,
    /// <summary>The provider's own memory.</summary>
    Default = 0,
}

/// <summary>Describes a kind of memory: device, number, allocator.</summary>
public sealed unsafe class OrtMemoryInfo : IDisposable, IEquatable<OrtMemoryInfo>
{
    private static OrtMemoryInfo? s_cpu;

    /// <summary>Describes memory of a device.</summary>
    /// <param name="name">The device's name in ONNX Runtime, e.g. <c>Cpu</c>, <c>Cuda</c>, <c>CudaPinned</c>.</param>
    /// <param name="allocatorType">How it is obtained.</param>
    /// <param name="id">The device's number.</param>
    /// <param name="memoryType">Which memory of the device.</param>
    public OrtMemoryInfo(string name, OrtAllocatorType allocatorType, int id, OrtMemoryType memoryType)
    {
        using var text = new NativeText(name);
        nint pointer;
        OrtStatus.Check(OrtLibrary.Api->CreateMemoryInfo(text.Pointer, allocatorType, id, memoryType, &pointer), $"Describing the memory of '{name}'");
        Handle = new OrtHandle(pointer, OrtLibrary.Api->ReleaseMemoryInfo);
    }

    private OrtMemoryInfo(OrtHandle handle) => Handle = handle;

    /// <summary>The CPU's memory.</summary>
    public static OrtMemoryInfo Cpu => Volatile.Read(ref s_cpu) ?? CreateCpu();

    /// <summary>The device's name in ONNX Runtime.</summary>
    public string Name
    {
        get
        {
            using var info = Handle.Acquire();
            byte* name;
            OrtStatus.Check(OrtLibrary.Api->MemoryInfoGetName(info.Pointer, &name), "Reading a memory description");
            return NativeText.Read(name);
        }
    }

    /// <summary>The device's number.</summary>
    public int Id
    {
        get
        {
            using var info = Handle.Acquire();
            int id;
            OrtStatus.Check(OrtLibrary.Api->MemoryInfoGetId(info.Pointer, &id), "Reading a memory description");
            return id;
        }
    }

    /// <summary>Which memory of the device.</summary>
    public OrtMemoryType MemoryType
    {
        get
        {
            using var info = Handle.Acquire();
            OrtMemoryType type;
            OrtStatus.Check(OrtLibrary.Api->MemoryInfoGetMemType(info.Pointer, &type), "Reading a memory description");
            return type;
        }
    }

    /// <summary>How it is obtained.</summary>
    public OrtAllocatorType AllocatorType
    {
        get
        {
            using var info = Handle.Acquire();
            OrtAllocatorType type;
            OrtStatus.Check(OrtLibrary.Api->MemoryInfoGetType(info.Pointer, &type), "Reading a memory description");
            return type;
        }
    }

    internal OrtHandle Handle { get; }

    /// <summary>The memory in which a session leaves an output; null when the library is older than 1.23 and cannot tell.</summary>
    internal static OrtMemoryInfo? OfOutput(InferenceSession session, int index)
    {
        if (OrtLibrary.Current.ApiVersion < 23)
        {
            return null;
        }

        using var lease = session.Handle.Acquire();
        var infos = stackalloc nint[session.OutputNames.Count];
        OrtStatus.Check(OrtLibrary.Api->SessionGetMemoryInfoForOutputs(lease.Pointer, infos, (nuint)session.OutputNames.Count), "Reading where a session leaves its outputs");
        return new OrtMemoryInfo(new OrtHandle(infos[index], null, session.Handle));
    }

    /// <inheritdoc/>
    public bool Equals(OrtMemoryInfo? other)
    {
        if (other is null)
        {
            return false;
        }

        using var left = Handle.Acquire();
        using var right = other.Handle.Acquire();
        int different;
        OrtStatus.Check(OrtLibrary.Api->CompareMemoryInfo(left.Pointer, right.Pointer, &different), "Comparing memory descriptions");
        return different == 0;
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as OrtMemoryInfo);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Id, MemoryType, AllocatorType);

    /// <inheritdoc/>
    public override string ToString() => $"{Name}:{Id}";

    /// <inheritdoc/>
    public void Dispose()
    {
        // Shared by the whole process.
        if (!ReferenceEquals(this, s_cpu))
        {
            Handle.Dispose();
        }
    }

    /// <summary>Whether the CPU can read memory of the kind at <paramref name="memoryInfo"/>.</summary>
    internal static bool IsOnCpu(nint memoryInfo)
    {
        int device;
        OrtLibrary.Api->MemoryInfoGetDeviceType(memoryInfo, &device);
        return device == 0;
    }

    private static OrtMemoryInfo CreateCpu()
    {
        nint pointer;
        OrtStatus.Check(OrtLibrary.Api->CreateCpuMemoryInfo(OrtAllocatorType.Device, OrtMemoryType.Default, &pointer), "Describing the CPU's memory");
        var created = new OrtMemoryInfo(new OrtHandle(pointer, OrtLibrary.Api->ReleaseMemoryInfo));
        return Interlocked.CompareExchange(ref s_cpu, created, null) ?? created;
    }
}
