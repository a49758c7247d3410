using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Serialization;

/// <summary>Reads GraphProto messages and what is in them.</summary>
internal sealed class GraphReader(TensorReader tensors)
{
    /// <summary>Subgraphs deeper than this are refused; a file made to overflow the stack is the only known use.</summary>
    private const int MaxDepth = 64;

    private int _depth;

    public void Read(ProtoReader reader, Graph graph, NameScope? outer)
    {
        if (++_depth > MaxDepth)
        {
            throw new ProtoException($"its subgraphs are nested more than {MaxDepth} deep");
        }

        // First what nodes may refer to: inputs, then constants and the outputs of all nodes; then the nodes themselves.
        var scope = new NameScope(outer);
        ReadHead(reader, graph, scope);
        ReadConstants(reader, graph, scope);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    graph.Add(ReadNode(reader.Message(), scope));
                    break;
                case 12:
                    graph.Outputs.Add(ReadOutput(reader.Message(), scope));
                    break;
                case 13:
                    ReadValueType(reader.Message(), scope);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        _depth--;
    }

    public static void DeclareOutputs(ProtoReader reader, NameScope scope)
    {
        while (reader.Next())
        {
            if (reader.Field != 2)
            {
                reader.Skip();
            }
            else if (reader.String() is { Length: > 0 } name)
            {
                scope.Declare(new Value(name));
            }
        }
    }

    public Node ReadNode(ProtoReader reader, NameScope scope)
    {
        List<string> inputs = [], outputs = [];
        List<Attribute> attributes = [];
        string name = "", opType = "", domain = "", overload = "", doc = "";
        List<KeyValuePair<string, string>> metadata = [];
        List<byte>? unknown = null;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    inputs.Add(reader.String());
                    break;
                case 2:
                    outputs.Add(reader.String());
                    break;
                case 3:
                    name = reader.String();
                    break;
                case 4:
                    opType = reader.String();
                    break;
                case 5:
                    attributes.Add(ReadAttribute(reader.Message(), scope));
                    break;
                case 6:
                    doc = reader.String();
                    break;
                case 7:
                    domain = reader.String();
                    break;
                case 8:
                    overload = reader.String();
                    break;
                case 9:
                    metadata.Add(reader.Pair());
                    break;
                default:
                    reader.Keep(ref unknown);
                    break;
            }
        }

        Value? Input(string input) => input.Length == 0 ? null : scope.Find(input)
            ?? throw new CompressToolException(OnnxErrors.InvalidGraph, $"the input '{input}' of the node '{(name.Length > 0 ? name : opType)}' is neither computed nor given by anything");

        var node = new Node(opType, inputs.Select(Input), outputs.Select(output => output.Length == 0 ? null : scope.Local(output)), name, domain, attributes)
        {
            DocString = doc,
            Overload = overload,
            UnknownFields = unknown?.ToArray(),
        };
        node.Metadata.AddRange(metadata);
        return node;
    }

    public Attribute ReadAttribute(ProtoReader reader, NameScope scope)
    {
        string name = "", doc = "", reference = "";
        AttributeKind kind = AttributeKind.Undefined, found = AttributeKind.Undefined;
        object? single = null;
        System.Collections.IList? list = null;
        List<byte>? unknown = null, floats = null;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = reader.String();
                    break;
                case 2:
                    (found, single) = (AttributeKind.Float, reader.Float());
                    break;
                case 3:
                    (found, single) = (AttributeKind.Int, reader.Int64());
                    break;
                case 4:
                    (found, single) = (AttributeKind.String, (ReadOnlyMemory<byte>)reader.Bytes().ToArray());
                    break;
                case 5:
                    (found, single) = (AttributeKind.Tensor, tensors.Read(reader.Message()));
                    break;
                case 6:
                    (found, single) = (AttributeKind.Graph, ReadSubgraph(reader.Message(), scope));
                    break;
                case 7:
                    found = AttributeKind.Floats;
                    reader.FixedBytes(floats ??= [], WireType.Fixed32);
                    break;
                case 8:
                    found = AttributeKind.Ints;
                    reader.Int64s(Items<long>(ref list));
                    break;
                case 9:
                    found = AttributeKind.Strings;
                    Items<ReadOnlyMemory<byte>>(ref list).Add(reader.Bytes().ToArray());
                    break;
                case 10:
                    found = AttributeKind.Tensors;
                    Items<Tensor>(ref list).Add(tensors.Read(reader.Message()));
                    break;
                case 11:
                    found = AttributeKind.Graphs;
                    Items<Graph>(ref list).Add(ReadSubgraph(reader.Message(), scope));
                    break;
                case 13:
                    doc = reader.String();
                    break;
                case 14:
                    (found, single) = (AttributeKind.TypeProto, (ReadOnlyMemory<byte>)reader.Bytes().ToArray());
                    break;
                case 15:
                    found = AttributeKind.TypeProtos;
                    Items<ReadOnlyMemory<byte>>(ref list).Add(reader.Bytes().ToArray());
                    break;
                case 20:
                    kind = (AttributeKind)reader.Int64();
                    break;
                case 21:
                    reference = reader.String();
                    break;
                case 22:
                    (found, single) = (AttributeKind.SparseTensor, tensors.ReadSparse(reader.Message()));
                    break;
                case 23:
                    found = AttributeKind.SparseTensors;
                    Items<SparseTensor>(ref list).Add(tensors.ReadSparse(reader.Message()));
                    break;
                default:
                    reader.Keep(ref unknown);
                    break;
            }
        }

        // The first version of the format did without a type.
        kind = kind == AttributeKind.Undefined ? found : kind;
        if (found != kind && found != AttributeKind.Undefined)
        {
            throw new ProtoException($"its attribute '{name}' says to be {kind}, but holds {found}");
        }

        object? value = reference.Length > 0 ? null : kind switch
        {
            AttributeKind.Float => single ?? 0f,
            AttributeKind.Int => single ?? 0L,
            AttributeKind.String => single ?? ReadOnlyMemory<byte>.Empty,
            AttributeKind.Floats => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(floats?.ToArray()).ToArray(),
            AttributeKind.Ints => list ?? new List<long>(),
            AttributeKind.Strings or AttributeKind.TypeProtos => list ?? new List<ReadOnlyMemory<byte>>(),
            AttributeKind.Tensors => list ?? new List<Tensor>(),
            AttributeKind.SparseTensors => list ?? new List<SparseTensor>(),
            AttributeKind.Graphs => list ?? new List<Graph>(),
            AttributeKind.Tensor or AttributeKind.Graph or AttributeKind.SparseTensor or AttributeKind.TypeProto => single
                ?? throw new ProtoException($"its attribute '{name}' has no value"),
            _ => throw new ProtoException($"its attribute '{name}' has the unknown type {(int)kind}"),
        };
        return new Attribute(name, kind, value) { DocString = doc, ReferenceName = reference, UnknownFields = unknown?.ToArray() };
    }

    /// <summary>A value_info entry; those that name nothing in this graph say nothing.</summary>
    public static void ReadValueType(ProtoReader reader, NameScope scope)
    {
        var declared = ReadValueInfo(reader);
        if (scope.Local(declared.Name) is { } value)
        {
            Declare(value, declared);
        }
    }

    private static List<T> Items<T>(ref System.Collections.IList? list) => (list ??= new List<T>()) as List<T>
        ?? throw new ProtoException("one of its attributes holds lists of two types");

    private static void ReadHead(ProtoReader reader, Graph graph, NameScope scope)
    {
        List<byte>? unknown = null;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2:
                    graph.Name = reader.String();
                    break;
                case 10:
                    graph.DocString = reader.String();
                    break;
                case 11:
                    graph.AddInput(scope.Declare(ReadValueInfo(reader.Message())));
                    break;
                case 14:
                    graph.QuantizationAnnotations.Add(reader.Bytes().ToArray());
                    break;
                case 16:
                    graph.Metadata.Add(reader.Pair());
                    break;
                case 1 or 5 or 12 or 13 or 15:
                    reader.Skip();
                    break;
                default:
                    reader.Keep(ref unknown);
                    break;
            }
        }

        graph.UnknownFields = unknown?.ToArray();
    }

    private void ReadConstants(ProtoReader reader, Graph graph, NameScope scope)
    {
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    DeclareOutputs(reader.Message(), scope);
                    break;
                case 5:
                    var tensor = tensors.Read(reader.Message());
                    var value = Constant(tensor.Name, tensor.Type, tensor.Dims, scope);
                    value.Initializer = tensor;
                    graph.AddInitializer(value);
                    break;
                case 15:
                    var sparse = tensors.ReadSparse(reader.Message());
                    value = Constant(sparse.Values.Name, sparse.Values.Type, sparse.Dims, scope);
                    value.SparseInitializer = sparse;
                    graph.AddInitializer(value);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    /// <summary>The value of a constant: the input of that name, whose default it then is, or a new one.</summary>
    private static Value Constant(string name, DataType type, IReadOnlyList<long> dims, NameScope scope) =>
        scope.Local(name) is { IsGraphInput: true, Initializer: null, SparseInitializer: null } input ? input
        : scope.Declare(new Value(name, new TensorType(type, Shape.Of(dims))));

    private Graph ReadSubgraph(ProtoReader reader, NameScope scope)
    {
        var graph = new Graph();
        Read(reader, graph, scope);
        return graph;
    }

    private static Value ReadOutput(ProtoReader reader, NameScope scope)
    {
        var declared = ReadValueInfo(reader);
        var value = scope.Find(declared.Name)
            ?? throw new CompressToolException(OnnxErrors.InvalidGraph, $"the output '{declared.Name}' of the graph is neither computed nor given by anything");
        if (scope.Local(declared.Name) is not null || value.Type is null)
        {
            Declare(value, declared);
        }

        return value;
    }

    /// <summary>Takes over what a second declaration of a value says.</summary>
    private static void Declare(Value value, Value declared)
    {
        value.Type = declared.Type ?? value.Type;
        value.DocString = declared.DocString.Length > 0 ? declared.DocString : value.DocString;
        value.Metadata.AddRange(declared.Metadata.Except(value.Metadata));
        if (!declared.UnknownFields.IsEmpty)
        {
            value.UnknownFields = declared.UnknownFields;
        }
    }

    private static Value ReadValueInfo(ProtoReader reader)
    {
        var value = new Value("");
        List<byte>? unknown = null;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    value.Name = reader.String();
                    break;
                case 2:
                    value.Type = TypeReader.Read(reader.Message());
                    break;
                case 3:
                    value.DocString = reader.String();
                    break;
                case 4:
                    value.Metadata.Add(reader.Pair());
                    break;
                default:
                    reader.Keep(ref unknown);
                    break;
            }
        }

        value.UnknownFields = unknown?.ToArray();
        return value;
    }
}
