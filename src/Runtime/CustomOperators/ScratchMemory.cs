using CompressTool.Runtime.Native;

namespace CompressTool.Runtime.CustomOperators;

/// <summary>Memory that a kernel has for itself until it is disposed; not cleared.</summary>
public readonly unsafe struct ScratchMemory : IDisposable
{
    // One cache line, and one vector of 512 bits.
    private const int Alignment = 64;

    private readonly nint _allocator;
    private readonly void* _block;

    internal ScratchMemory(nint allocator, long bytes)
    {
        _allocator = allocator;
        void* block;
        var status = OrtLibrary.Api->AllocatorAlloc(allocator, (nuint)(bytes + Alignment), &block);
        if (status != 0)
        {
            OrtLibrary.Api->ReleaseAllocator(allocator);
            OrtStatus.Check(status, $"Allocating {bytes} bytes for a kernel");
        }

        _block = block;
    }

    /// <summary>The first byte, on a border of 64 bytes.</summary>
    public float* Floats => (float*)(((nint)_block + Alignment - 1) & -Alignment);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_allocator != 0)
        {
            var status = OrtLibrary.Api->AllocatorFree(_allocator, _block);
            OrtLibrary.Api->ReleaseAllocator(_allocator);
            OrtStatus.Check(status, "Freeing the memory of a kernel");
        }
    }
}
