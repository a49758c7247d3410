using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;

namespace CompressTool.Runtime.Tests.Support;

/// <summary>Reads the .npy files of the fixtures: little-endian, row-major.</summary>
internal static partial class Npy
{
    public static float[] ReadFloats(string path, out long[] shape) => Read<float>(path, "<f4", out shape);

    public static long[] ReadInt64s(string path, out long[] shape) => Read<long>(path, "<i8", out shape);

    private static unsafe T[] Read<T>(string path, string type, out long[] shape)
        where T : unmanaged
    {
        var bytes = File.ReadAllBytes(path);
        var headerLength = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8));
        var header = Header().Match(Encoding.ASCII.GetString(bytes, 10, headerLength));
        Assert.AreEqual(type, header.Groups["type"].Value);
        shape = [.. header.Groups["shape"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(long.Parse)];
        var data = bytes.AsSpan(10 + headerLength);
        var elements = new T[data.Length / sizeof(T)];
        data.CopyTo(System.Runtime.InteropServices.MemoryMarshal.AsBytes(elements.AsSpan()));
        return elements;
    }

    [GeneratedRegex(@"'descr': '(?<type>[^']*)', 'fortran_order': False, 'shape': \((?<shape>[^)]*)\)")]
    private static partial Regex Header();
}
