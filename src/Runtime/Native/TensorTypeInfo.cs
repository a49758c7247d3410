using CompressTool.Onnx;

namespace CompressTool.Runtime.Native;

/// <summary>Element type and dimensions, read from an <c>OrtTensorTypeAndShapeInfo</c>.</summary>
internal static unsafe class TensorTypeInfo
{
    public static DataType ReadElementType(nint info)
    {
        int type;
        OrtStatus.Check(OrtLibrary.Api->GetTensorElementType(info, &type), "Reading an element type");
        return ElementTypes.FromNative(type);
    }

    /// <summary>The dimensions; -1 where the model has a symbol or nothing.</summary>
    public static long[] ReadDimensions(nint info)
    {
        nuint count;
        OrtStatus.Check(OrtLibrary.Api->GetDimensionsCount(info, &count), "Reading a shape");
        var dimensions = new long[(int)count];
        fixed (long* pointer = dimensions)
        {
            OrtStatus.Check(OrtLibrary.Api->GetDimensions(info, pointer, count), "Reading a shape");
        }

        return dimensions;
    }

    /// <summary>The symbols of <paramref name="count"/> dimensions; empty where there is none.</summary>
    public static string[] ReadSymbols(nint info, int count)
    {
        var symbols = new string[count];
        var pointers = new nint[count];
        fixed (nint* pointer = pointers)
        {
            OrtStatus.Check(OrtLibrary.Api->GetSymbolicDimensions(info, (byte**)pointer, (nuint)count), "Reading a shape");
        }

        for (var i = 0; i < count; i++)
        {
            symbols[i] = NativeText.Read((byte*)pointers[i]);
        }

        return symbols;
    }

    /// <summary>Whether the rank is known. Libraries older than 1.24 cannot tell it from a scalar.</summary>
    public static bool HasShape(nint info) => OrtLibrary.Current.ApiVersion < 24 || OrtLibrary.Api->TensorTypeAndShape_HasShape(info) != 0;
}
