using System.Runtime.InteropServices;
using System.Text;

namespace CompressTool.Runtime.Native;

/// <summary>Names with their null-terminated UTF-8 form at fixed addresses, made once so that calls need not convert them.</summary>
internal sealed unsafe class NativeNames
{
    private readonly Dictionary<string, nint> _pointers;

    // Pinned, so that the addresses hold while this object lives.
    private readonly byte[] _bytes;

    public NativeNames(IReadOnlyList<string> names)
    {
        Names = names;
        _bytes = GC.AllocateArray<byte>(names.Sum(name => Encoding.UTF8.GetByteCount(name) + 1), pinned: true);
        _pointers = new Dictionary<string, nint>(names.Count, StringComparer.Ordinal);
        var offset = 0;
        foreach (var name in names)
        {
            _pointers[name] = (nint)(byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_bytes, offset);
            offset += Encoding.UTF8.GetBytes(name, _bytes.AsSpan(offset)) + 1;
        }
    }

    /// <summary>The names, in the model's order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The address of a name; false when it is not one of these.</summary>
    public bool TryGetPointer(string name, out nint pointer) => _pointers.TryGetValue(name, out pointer);
}
