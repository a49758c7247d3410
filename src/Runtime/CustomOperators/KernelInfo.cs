using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime.CustomOperators;

/// <summary>The attributes of a node while its kernel is made.</summary>
public readonly unsafe ref struct KernelInfo
{
    private readonly nint _info;

    internal KernelInfo(nint info) => _info = info;

    /// <summary>An integer attribute.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="fallback">Its value when the node does not have it; null makes that an error.</param>
    public long GetInt(string name, long? fallback = null)
    {
        using var text = new NativeText(name);
        long value;
        return Found(OrtLibrary.Api->KernelInfoGetAttribute_int64(_info, text.Pointer, &value), name, fallback is not null) ? value : fallback!.Value;
    }

    /// <summary>A float attribute.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="fallback">Its value when the node does not have it; null makes that an error.</param>
    public float GetFloat(string name, float? fallback = null)
    {
        using var text = new NativeText(name);
        float value;
        return Found(OrtLibrary.Api->KernelInfoGetAttribute_float(_info, text.Pointer, &value), name, fallback is not null) ? value : fallback!.Value;
    }

    /// <summary>A list of integers.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="fallback">Its value when the node does not have it; null makes that an error.</param>
    public long[] GetInts(string name, long[]? fallback = null)
    {
        using var text = new NativeText(name);
        nuint count = 0;
        if (!Found(OrtLibrary.Api->KernelInfoGetAttributeArray_int64(_info, text.Pointer, null, &count), name, fallback is not null))
        {
            return fallback!;
        }

        var values = new long[(int)count];
        fixed (long* pointer = values)
        {
            // An empty list has no address and nothing to fetch.
            return count > 0 && !Found(OrtLibrary.Api->KernelInfoGetAttributeArray_int64(_info, text.Pointer, pointer, &count), name, fallback is not null) ? fallback! : values;
        }
    }

    private static bool Found(nint status, string name, bool isOptional)
    {
        if (status == 0)
        {
            return true;
        }

        OrtLibrary.Api->ReleaseStatus(status);
        return isOptional ? false : throw new CompressToolException(RuntimeErrors.ModelRefused, $"The attribute '{name}' is missing or of another type.");
    }
}
