using System.Globalization;
using CompressTool.OnnxFormat;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace CompressTool.Onnx.Tests.Protobuf;

/// <summary>
/// Brings models that mean the same into the same form: typed fields and external data become raw_data, empty texts are unset,
/// <c>ai.onnx</c> is the empty domain, and what is said of inner values is in order of their names and not said twice.
/// </summary>
/// <param name="folder">Where the external data is.</param>
internal sealed class Normalizer(string? folder)
{
    /// <summary>Parses a file and normalizes the model in it.</summary>
    public static ModelProto Read(string path)
    {
        using var stream = File.OpenRead(path);
        return Read(ModelProto.Parser.ParseFrom(stream), Path.GetDirectoryName(path));
    }

    /// <summary>Normalizes a copy of a model.</summary>
    public static ModelProto Read(ModelProto model, string? folder = null)
    {
        var copy = model.Clone();
        new Normalizer(folder).Normalize(copy);
        return copy;
    }

    private void Normalize(IMessage message)
    {
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder())
        {
            if (field.FieldType == FieldType.Message)
            {
                foreach (var item in Items(message, field))
                {
                    Normalize(item);
                }
            }
            else if (!field.IsRepeated && field.HasPresence && field.Accessor.HasValue(message) && field.Accessor.GetValue(message) is "" or "ai.onnx" or ByteString { Length: 0 })
            {
                field.Accessor.Clear(message);
            }
        }

        switch (message)
        {
            case ModelProto { ModelVersion: 0 } model:
                model.ClearModelVersion();
                break;
            case TensorProto tensor:
                Normalize(tensor);
                break;
            case AttributeProto attribute:
                Normalize(attribute);
                break;
            case GraphProto graph:
                Normalize(graph);
                break;
            case TensorShapeProto.Types.Dimension { HasDimValue: true, DimValue: < 0 } or TensorShapeProto.Types.Dimension { HasDimParam: true, DimParam: "" }:
                ((TensorShapeProto.Types.Dimension)message).ClearValue();
                break;
        }
    }

    private static IEnumerable<IMessage> Items(IMessage message, FieldDescriptor field) => field.IsRepeated
        ? ((System.Collections.IEnumerable)field.Accessor.GetValue(message)).Cast<IMessage>()
        : field.Accessor.HasValue(message) ? [(IMessage)field.Accessor.GetValue(message)] : [];

    private void Normalize(TensorProto tensor)
    {
        if (tensor.DataLocation == TensorProto.Types.DataLocation.External)
        {
            var entries = tensor.ExternalData.ToDictionary(entry => entry.Key, entry => entry.Value);
            using var file = File.OpenRead(Path.Combine(folder!, entries["location"]));
            file.Position = long.Parse(entries.GetValueOrDefault("offset", "0"), CultureInfo.InvariantCulture);
            var bytes = new byte[entries.TryGetValue("length", out var length) ? int.Parse(length, CultureInfo.InvariantCulture) : file.Length - file.Position];
            file.ReadExactly(bytes);
            tensor.RawData = ByteString.CopyFrom(bytes);
            tensor.ExternalData.Clear();
        }

        tensor.ClearDataLocation();
        var typed = tensor.FloatData.SelectMany(BitConverter.GetBytes)
            .Concat(tensor.DoubleData.SelectMany(BitConverter.GetBytes))
            .Concat(tensor.Int64Data.SelectMany(BitConverter.GetBytes))
            .Concat(tensor.Int32Data.SelectMany(number => BitConverter.GetBytes(number).Take(Size(tensor))))
            .Concat(tensor.Uint64Data.SelectMany(number => BitConverter.GetBytes(number).Take(Size(tensor)))).ToArray();
        if (typed.Length > 0)
        {
            tensor.RawData = ByteString.CopyFrom(typed);
            tensor.FloatData.Clear();
            tensor.DoubleData.Clear();
            tensor.Int64Data.Clear();
            tensor.Int32Data.Clear();
            tensor.Uint64Data.Clear();
        }
    }

    private static int Size(TensorProto tensor) => (DataType)tensor.DataType switch
    {
        DataType.UInt64 => 8,
        DataType.UInt32 or DataType.Int32 => 4,
        DataType.Int16 or DataType.UInt16 or DataType.Float16 or DataType.BFloat16 => 2,
        _ => 1,
    };

    private static void Normalize(AttributeProto attribute)
    {
        // A value of zero may be left out.
        if (attribute.HasRefAttrName)
        {
            return;
        }

        switch (attribute.Type)
        {
            case AttributeProto.Types.AttributeType.Float:
                attribute.F = attribute.F;
                break;
            case AttributeProto.Types.AttributeType.Int:
                attribute.I = attribute.I;
                break;
        }
    }

    private static void Normalize(GraphProto graph)
    {
        // What is said of constants, or of values that do not exist, may be left out when it says nothing new.
        var constants = graph.Initializer.ToDictionary(tensor => tensor.Name);
        var outputs = graph.Node.SelectMany(node => node.Output).ToHashSet();
        var infos = graph.ValueInfo.Where(info => constants.TryGetValue(info.Name, out var tensor) ? !Repeats(info, tensor) : outputs.Contains(info.Name))
            .Where(info => info.Type is not null || info.HasDocString || info.MetadataProps.Count > 0)
            .OrderBy(info => info.Name, StringComparer.Ordinal).ToArray();
        graph.ValueInfo.Clear();
        graph.ValueInfo.AddRange(infos);
    }

    private static bool Repeats(ValueInfoProto info, TensorProto tensor) => !info.HasDocString && info.MetadataProps.Count == 0 && !info.Type.HasDenotation
        && info.Type.TensorType.ElemType == tensor.DataType && info.Type.TensorType.Shape.Dim.Select(dim => dim.DimValue).SequenceEqual(tensor.Dims);
}
