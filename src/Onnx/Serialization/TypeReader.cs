namespace CompressTool.Onnx.Serialization;

/// <summary>Reads TypeProto messages.</summary>
internal static class TypeReader
{
    /// <summary>The type; null when the message says nothing.</summary>
    public static OnnxType? Read(ProtoReader reader)
    {
        var whole = reader.Rest;
        TensorType? tensor = null;
        string? denotation = null;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    tensor = ReadTensor(reader.Message());
                    break;
                case 4 or 5 or 7 or 8 or 9:
                    return new OtherType(whole.ToArray());
                case 6:
                    denotation = reader.String();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return tensor is not null ? tensor with { Denotation = denotation } : whole.IsEmpty ? null : new OtherType(whole.ToArray());
    }

    private static TensorType ReadTensor(ProtoReader reader)
    {
        var element = DataType.Undefined;
        Shape? shape = null;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    element = (DataType)reader.Int64();
                    break;
                case 2:
                    shape = ReadShape(reader.Message());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new TensorType(element, shape);
    }

    private static Shape ReadShape(ProtoReader reader)
    {
        var dims = new List<Dim>();
        while (reader.Next())
        {
            if (reader.Field == 1)
            {
                dims.Add(ReadDim(reader.Message()));
            }
            else
            {
                reader.Skip();
            }
        }

        return new Shape(dims);
    }

    private static Dim ReadDim(ProtoReader reader)
    {
        var dim = Dim.Unknown;
        string? denotation = null;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    // Some exporters write -1 for what they do not know.
                    dim = reader.Int64() is >= 0 and var value ? new Dim(value) : Dim.Unknown;
                    break;
                case 2:
                    // An empty symbol says nothing.
                    dim = reader.String() is { Length: > 0 } symbol ? new Dim(symbol) : Dim.Unknown;
                    break;
                case 3:
                    denotation = reader.String();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return dim with { Denotation = denotation };
    }
}
