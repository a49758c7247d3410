using System.Runtime.InteropServices;

namespace CompressTool.Runtime.Native;

/// <summary>A null-terminated UTF-8 copy of a string for the length of a call.</summary>
internal readonly unsafe ref struct NativeText : IDisposable
{
    public NativeText(string text) => Pointer = Copy(text);

    public byte* Pointer { get; }

    public void Dispose() => Marshal.FreeCoTaskMem((nint)Pointer);

    /// <summary>A copy that the caller frees.</summary>
    public static byte* Copy(string text) =>
        // A C string would end at the first NUL and mean something else.
        text.Contains('\0')
            ? throw new ArgumentException("A name or string must not contain a NUL character.", nameof(text))
            : (byte*)Marshal.StringToCoTaskMemUTF8(text);

    /// <summary>Reads a null-terminated UTF-8 string; empty for null.</summary>
    public static string Read(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";
}

/// <summary>A null-terminated path as the C API takes it (<c>ORTCHAR_T</c>): UTF-16 on Windows, UTF-8 elsewhere.</summary>
internal readonly unsafe ref struct NativePath(string path) : IDisposable
{
    public void* Pointer { get; } = (void*)(OperatingSystem.IsWindows() ? Marshal.StringToCoTaskMemUni(path) : Marshal.StringToCoTaskMemUTF8(path));

    public void Dispose() => Marshal.FreeCoTaskMem((nint)Pointer);
}

/// <summary>An array of null-terminated UTF-8 strings for the length of a call.</summary>
internal readonly unsafe ref struct NativeTexts : IDisposable
{
    private readonly int _count;

    public NativeTexts(IReadOnlyCollection<string> texts)
    {
        Pointers = (byte**)NativeMemory.AllocZeroed((nuint)texts.Count, (nuint)sizeof(byte*));
        try
        {
            foreach (var text in texts)
            {
                Pointers[_count] = NativeText.Copy(text);
                _count++;
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public byte** Pointers { get; }

    public void Dispose()
    {
        for (var i = 0; i < _count; i++)
        {
            Marshal.FreeCoTaskMem((nint)Pointers[i]);
        }

        NativeMemory.Free(Pointers);
    }
}
