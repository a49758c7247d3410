using System.Globalization;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime;

/// <summary>Allocates the memory of values.</summary>
public sealed unsafe class OrtAllocator : IDisposable
{
    private static OrtAllocator? s_default;

    /// <summary>The allocator a session uses for a kind of memory. It keeps the session alive.</summary>
    /// <param name="session">The session.</param>
    /// <param name="memoryInfo">The kind of memory, of a provider that the session uses.</param>
    public OrtAllocator(InferenceSession session, OrtMemoryInfo memoryInfo)
    {
        using var sessionLease = session.Handle.Acquire();
        using var info = memoryInfo.Handle.Acquire();
        nint pointer;
        OrtStatus.Check(OrtLibrary.Api->CreateAllocator(sessionLease.Pointer, info.Pointer, &pointer), $"Creating an allocator for {memoryInfo}");
        Handle = new OrtHandle(pointer, OrtLibrary.Api->ReleaseAllocator, session.Handle);
    }

    private OrtAllocator(OrtHandle handle) => Handle = handle;

    /// <summary>ONNX Runtime's default allocator for the CPU's memory.</summary>
    public static OrtAllocator Default => Volatile.Read(ref s_default) ?? CreateDefault();

    internal OrtHandle Handle { get; }

    /// <summary>The most bytes that were in use at once so far; null when the allocator does not count, or ONNX Runtime is older than 1.23.</summary>
    public long? MaxBytesInUse
    {
        get
        {
            if (OrtLibrary.Current.ApiVersion < 23)
            {
                return null;
            }

            using var allocator = Handle.Acquire();
            using var key = new NativeText("MaxInUse");
            nint statistics;
            OrtStatus.Check(OrtLibrary.Api->AllocatorGetStats(allocator.Pointer, &statistics), "Reading the statistics of an allocator");
            try
            {
                return long.TryParse(NativeText.Read(OrtLibrary.Api->GetKeyValue(statistics, key.Pointer)), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : null;
            }
            finally
            {
                OrtLibrary.Api->ReleaseKeyValuePairs(statistics);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Shared by the whole process.
        if (!ReferenceEquals(this, s_default))
        {
            Handle.Dispose();
        }
    }

    /// <summary>Reads a string that this allocator allocated, and frees it.</summary>
    internal string TakeText(byte* text)
    {
        var result = NativeText.Read(text);
        Free(text);
        return result;
    }

    /// <summary>Frees memory that this allocator allocated; nothing for null.</summary>
    internal void Free(void* memory)
    {
        if (memory != null)
        {
            using var allocator = Handle.Acquire();
            OrtStatus.Check(OrtLibrary.Api->AllocatorFree(allocator.Pointer, memory), "Freeing memory");
        }
    }

    private static OrtAllocator CreateDefault()
    {
        nint pointer;
        OrtStatus.Check(OrtLibrary.Api->GetAllocatorWithDefaultOptions(&pointer), "Getting the default allocator");
        var created = new OrtAllocator(new OrtHandle(pointer, null));
        return Interlocked.CompareExchange(ref s_default, created, null) ?? created;
    }
}
