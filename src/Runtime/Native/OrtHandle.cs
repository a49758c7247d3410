using System.Buffers;
using System.Runtime.InteropServices;

namespace CompressTool.Runtime.Native;

/// <summary>
/// Owns one object of ONNX Runtime, and what the object needs while it lives: other objects (kept from being released)
/// and pinned managed memory (unpinned after the release).
/// </summary>
internal sealed unsafe class OrtHandle : SafeHandle
{
    private readonly delegate* unmanaged<nint, void> _release;
    private readonly OrtHandle? _parent;
    private MemoryHandle _pin;
    private List<OrtHandle>? _kept;
    private List<MemoryHandle>? _pins;

    /// <summary>Takes ownership.</summary>
    /// <param name="pointer">The object.</param>
    /// <param name="release">Its release function; null for an object that ONNX Runtime keeps.</param>
    /// <param name="parent">An object that must outlive this one.</param>
    /// <param name="pin">Memory that must stay pinned while this one lives.</param>
    public OrtHandle(nint pointer, delegate* unmanaged<nint, void> release, OrtHandle? parent = null, MemoryHandle pin = default)
        : base(invalidHandleValue: 0, ownsHandle: true)
    {
        _release = release;
        _pin = pin;
        if (parent is not null)
        {
            Hold(parent);
            _parent = parent;
        }

        SetHandle(pointer);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>The pointer for the length of a call: the object is not released, even if disposed meanwhile, until the lease ends.</summary>
    /// <exception cref="ObjectDisposedException">Already disposed.</exception>
    public Lease Acquire() => new(this);

    /// <summary>Keeps another object alive as long as this one.</summary>
    public void Keep(OrtHandle other)
    {
        Hold(other);
        (_kept ??= []).Add(other);
    }

    /// <summary>Takes back one <see cref="Keep(OrtHandle)"/>.</summary>
    public void Drop(OrtHandle other)
    {
        if (_kept?.Remove(other) == true)
        {
            other.DangerousRelease();
        }
    }

    /// <summary>Keeps memory pinned as long as this object lives.</summary>
    public void Keep(MemoryHandle pin) => (_pins ??= []).Add(pin);

    /// <summary>Raises the reference count; pair with <see cref="SafeHandle.DangerousRelease"/>.</summary>
    public static nint Hold(OrtHandle handle)
    {
        var held = false;
        handle.DangerousAddRef(ref held);
        return handle.handle;
    }

    protected override bool ReleaseHandle()
    {
        if (_release != null)
        {
            _release(handle);
        }

        _pin.Dispose();
        foreach (var pin in _pins ?? [])
        {
            pin.Dispose();
        }

        foreach (var kept in _kept ?? [])
        {
            kept.DangerousRelease();
        }

        _parent?.DangerousRelease();
        return true;
    }

    /// <summary>The right to use the pointer until disposed.</summary>
    internal readonly ref struct Lease
    {
        private readonly OrtHandle _handle;

        public Lease(OrtHandle handle)
        {
            Pointer = Hold(handle);
            _handle = handle;
        }

        public nint Pointer { get; }

        public void Dispose() => _handle.DangerousRelease();
    }
}
