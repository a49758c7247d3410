namespace CompressTool.Onnx.Serialization;

/// <summary>Reads TypeProto messages.</summary>
internal static class TypeReader
{
    public static OnnxType? Read(ProtoReader reader)
    {
        var whole = reader;
        TensorType? tensor = null;
        string? denotation = null;
        var other = false;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    tensor = ReadTensor(reader.Message());
                    break;
                case 6:
                    denotation = reader.String();
                    break;
                default:
                    reader.Skip();
                    other = true;
                    break;
            }
        }

        if (other)
        {
            ReadOnlyMemory<byte> encoded = default;
            while (whole.Next())
            {
                whole.Keep(ref encoded);
            }

            return new OtherType(encoded);
        }

        return tensor is null ? null : tensor with { Denotation = denotation };
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
                    dim = new Dim(reader.Int64());
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
