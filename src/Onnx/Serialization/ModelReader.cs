using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Serialization;

/// <summary>Builds a <see cref="Model"/> from a ModelProto. Field numbers are those of the ONNX format.</summary>
internal sealed class ModelReader
{
    /// <summary>Subgraphs deeper than this are refused; a file made to overflow the stack is the only known use.</summary>
    private const int MaxDepth = 64;

    private readonly TensorReader _tensors;
    private int _depth;

    private ModelReader(TensorReader tensors) => _tensors = tensors;

    public static Model Load(string path, LoadOptions options)
    {
        var file = MappedFile.Open(path);
        var model = new Model { Path = file.Path };
        model.Own(file);
        try
        {
            if (file.Length is 0 or > int.MaxValue)
            {
                throw new ProtoException(file.Length == 0 ? "it is empty" : "it is larger than 2 GiB, which the format does not allow; its weights belong into a file beside it");
            }

            var tensors = new TensorReader((offset, length) => new FileData(file, offset, length), file.Path, options, model.Own);
            using var view = file.View(0, file.Length);
            new ModelReader(tensors).Read(new ProtoReader(view.Span, 0), model);
            return model;
        }
        catch (Exception e)
        {
            model.Dispose();
            switch (e)
            {
                case ProtoException or OverflowException:
                    throw new CompressToolException(OnnxErrors.InvalidFile, $"'{file.Path}' is not a valid ONNX model: {e.Message}", inner: e);
                case CompressToolException coded when !coded.Message.Contains(file.Path, StringComparison.Ordinal):
                    throw new CompressToolException(coded.Code, $"'{file.Path}': {coded.Message}", inner: e);
                default:
                    throw;
            }
        }
    }

    public static Model Parse(ReadOnlyMemory<byte> bytes)
    {
        var model = new Model();
        var tensors = new TensorReader((offset, length) => new MemoryData(bytes.Slice((int)offset, length)), null, new LoadOptions(), model.Own);
        try
        {
            new ModelReader(tensors).Read(new ProtoReader(bytes.Span, 0), model);
            return model;
        }
        catch (Exception e) when (e is ProtoException or OverflowException)
        {
            throw new CompressToolException(OnnxErrors.InvalidFile, $"the bytes are not a valid ONNX model: {e.Message}", inner: e);
        }
    }

    internal static KeyValuePair<string, string> ReadPair(ProtoReader reader)
    {
        string key = "", value = "";
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    key = reader.String();
                    break;
                case 2:
                    value = reader.String();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new KeyValuePair<string, string>(key, value);
    }

    private void Read(ProtoReader reader, Model model)
    {
        ReadOnlyMemory<byte> unknown = default;
        var hasGraph = false;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    model.IrVersion = reader.Int64();
                    break;
                case 2:
                    model.ProducerName = reader.String();
                    break;
                case 3:
                    model.ProducerVersion = reader.String();
                    break;
                case 4:
                    model.Domain = reader.String();
                    break;
                case 5:
                    model.ModelVersion = reader.Int64();
                    break;
                case 6:
                    model.DocString = reader.String();
                    break;
                case 7:
                    hasGraph = true;
                    ReadGraph(reader.Message(), model.Graph, null);
                    break;
                case 8:
                    ReadOpset(reader.Message(), model.OpsetImports);
                    break;
                case 14:
                    model.Metadata.Add(ReadPair(reader.Message()));
                    break;
                case 25:
                    model.Functions.Add(ReadFunction(reader.Message()));
                    break;
                default:
                    reader.Keep(ref unknown);
                    break;
            }
        }

        model.UnknownFields = unknown;
        if (!hasGraph)
        {
            throw new ProtoException("it has no graph");
        }

        if (model.OpsetImports.Count == 0)
        {
            throw new ProtoException("it names no operator set");
        }
    }

    private static void ReadOpset(ProtoReader reader, Dictionary<string, long> imports)
    {
        var domain = "";
        long version = 0;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    domain = reader.String();
                    break;
                case 2:
                    version = reader.Int64();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        imports[domain == "ai.onnx" ? "" : domain] = version;
    }

    private void ReadGraph(ProtoReader reader, Graph graph, Scope? outer)
    {
        if (++_depth > MaxDepth)
        {
            throw new ProtoException($"its subgraphs are nested more than {MaxDepth} deep");
        }

        var scope = new Scope(outer);
        var second = reader;
        var third = reader;
        ReadOnlyMemory<byte> unknown = default;

        // First what nodes may refer to: inputs and constants, then the outputs of all nodes, then the nodes themselves.
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
                    var input = new Value("");
                    ReadValueInfo(reader.Message(), input);
                    graph.AddInput(scope.Declare(input));
                    break;
                case 14:
                    graph.QuantizationAnnotations.Add(reader.Bytes().ToArray());
                    break;
                case 16:
                    graph.Metadata.Add(ReadPair(reader.Message()));
                    break;
                case 1 or 5 or 12 or 13 or 15:
                    reader.Skip();
                    break;
                default:
                    reader.Keep(ref unknown);
                    break;
            }
        }

        graph.UnknownFields = unknown;
        while (second.Next())
        {
            switch (second.Field)
            {
                case 1:
                    DeclareOutputs(second.Message(), scope);
                    break;
                case 5:
                    ReadInitializer(second.Message(), graph, scope);
                    break;
                case 15:
                    var encoded = second.Bytes(out var offset);
                    ReadSparseInitializer(new ProtoReader(encoded, offset), encoded.ToArray(), graph, scope);
                    break;
                default:
                    second.Skip();
                    break;
            }
        }

        while (third.Next())
        {
            switch (third.Field)
            {
                case 1:
                    graph.Add(ReadNode(third.Message(), scope));
                    break;
                case 12:
                    graph.Outputs.Add(ReadOutput(third.Message(), scope));
                    break;
                case 13:
                    ReadValueType(third.Message(), scope);
                    break;
                default:
                    third.Skip();
                    break;
            }
        }

        _depth--;
    }

    private void ReadInitializer(ProtoReader reader, Graph graph, Scope scope)
    {
        var tensor = _tensors.Read(reader, out _);
        var value = scope.Local(tensor.Name);
        if (value is { IsGraphInput: true, Initializer: null })
        {
            value.Initializer = tensor;
        }
        else
        {
            value = scope.Declare(new Value(tensor.Name, new TensorType(tensor.Type, Shape.Of(tensor.Dims))) { Initializer = tensor });
        }

        graph.AddInitializer(value);
    }

    private void ReadSparseInitializer(ProtoReader reader, ReadOnlyMemory<byte> encoded, Graph graph, Scope scope)
    {
        while (reader.Next())
        {
            if (reader.Field != 1)
            {
                reader.Skip();
                continue;
            }

            var name = _tensors.Read(reader.Message(), out _).Name;
            graph.SparseInitializers.Add((scope.Local(name) ?? scope.Declare(new Value(name)), encoded));
        }
    }

    private static void DeclareOutputs(ProtoReader reader, Scope scope)
    {
        while (reader.Next())
        {
            if (reader.Field == 2 && reader.String() is { Length: > 0 } name)
            {
                scope.Declare(new Value(name));
            }
            else if (reader.Field != 2)
            {
                reader.Skip();
            }
        }
    }

    private Node ReadNode(ProtoReader reader, Scope scope)
    {
        List<string> inputs = [], outputs = [];
        List<Attribute> attributes = [];
        string name = "", opType = "", domain = "", overload = "", doc = "";
        List<KeyValuePair<string, string>> metadata = [];
        ReadOnlyMemory<byte> unknown = default;
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
                    metadata.Add(ReadPair(reader.Message()));
                    break;
                default:
                    reader.Keep(ref unknown);
                    break;
            }
        }

        Value? Input(string input) => input.Length == 0 ? null : scope.Find(input)
            ?? throw new CompressToolException(OnnxErrors.InvalidGraph, $"the input '{input}' of node '{(name.Length > 0 ? name : opType)}' is neither computed nor given by anything");

        var node = new Node(opType, inputs.Select(Input), outputs.Select(output => output.Length == 0 ? null : scope.Local(output)), name, domain, attributes)
        {
            DocString = doc,
            Overload = overload,
            UnknownFields = unknown,
        };
        node.Metadata.AddRange(metadata);
        return node;
    }

    private Attribute ReadAttribute(ProtoReader reader, Scope scope)
    {
        string name = "", doc = "", reference = "";
        var kind = AttributeKind.Undefined;
        float single = 0;
        long integer = 0;
        ReadOnlyMemory<byte> text = default, unknown = default;
        object? message = null;
        MemoryStream floats = new();
        List<long> ints = [];
        List<ReadOnlyMemory<byte>> strings = [], encoded = [];
        List<Tensor> tensors = [];
        List<Graph> graphs = [];
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = reader.String();
                    break;
                case 2:
                    single = reader.Float();
                    break;
                case 3:
                    integer = reader.Int64();
                    break;
                case 4:
                    text = reader.Bytes().ToArray();
                    break;
                case 5:
                    message = _tensors.Read(reader.Message(), out _);
                    break;
                case 6:
                    message = ReadSubgraph(reader.Message(), scope);
                    break;
                case 7:
                    reader.FixedBytes(floats);
                    break;
                case 8:
                    reader.Int64s(ints);
                    break;
                case 9:
                    strings.Add(reader.Bytes().ToArray());
                    break;
                case 10:
                    tensors.Add(_tensors.Read(reader.Message(), out _));
                    break;
                case 11:
                    graphs.Add(ReadSubgraph(reader.Message(), scope));
                    break;
                case 13:
                    doc = reader.String();
                    break;
                case 14 or 22:
                    message = (ReadOnlyMemory<byte>)reader.Bytes().ToArray();
                    break;
                case 15 or 23:
                    encoded.Add(reader.Bytes().ToArray());
                    break;
                case 20:
                    kind = (AttributeKind)reader.Int64();
                    break;
                case 21:
                    reference = reader.String();
                    break;
                default:
                    reader.Keep(ref unknown);
                    break;
            }
        }

        object? value = reference.Length > 0 ? null : kind switch
        {
            AttributeKind.Float => single,
            AttributeKind.Int => integer,
            AttributeKind.String => text,
            AttributeKind.Floats => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(floats.ToArray()).ToArray(),
            AttributeKind.Ints => ints,
            AttributeKind.Strings => strings,
            AttributeKind.Tensors => tensors,
            AttributeKind.Graphs => graphs,
            AttributeKind.SparseTensors or AttributeKind.TypeProtos => encoded,
            AttributeKind.Tensor or AttributeKind.Graph or AttributeKind.SparseTensor or AttributeKind.TypeProto => message
                ?? throw new ProtoException($"its attribute '{name}' has no value"),
            _ => throw new ProtoException($"its attribute '{name}' has the unknown type {(int)kind}"),
        };
        return new Attribute(name, kind, value) { DocString = doc, ReferenceName = reference, UnknownFields = unknown };
    }

    private Graph ReadSubgraph(ProtoReader reader, Scope scope)
    {
        var graph = new Graph();
        ReadGraph(reader, graph, scope);
        return graph;
    }

    private static Value ReadOutput(ProtoReader reader, Scope scope)
    {
        var declared = new Value("");
        ReadValueInfo(reader, declared);
        var value = scope.Find(declared.Name)
            ?? throw new CompressToolException(OnnxErrors.InvalidGraph, $"the output '{declared.Name}' of the graph is neither computed nor given by anything");
        Declare(value, declared);
        return value;
    }

    /// <summary>A value_info entry; those that name nothing in this graph say nothing.</summary>
    private static void ReadValueType(ProtoReader reader, Scope scope)
    {
        var declared = new Value("");
        ReadValueInfo(reader, declared);
        if (scope.Local(declared.Name) is { } value)
        {
            Declare(value, declared);
        }
    }

    private static void Declare(Value value, Value declared)
    {
        value.Type = declared.Type ?? value.Type;
        value.DocString = declared.DocString.Length > 0 ? declared.DocString : value.DocString;
        value.Metadata.AddRange(declared.Metadata);
    }

    private static void ReadValueInfo(ProtoReader reader, Value value)
    {
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    value.Name = reader.String();
                    break;
                case 2:
                    var type = reader.Message();
                    value.Type = TypeReader.Read(type);
                    break;
                case 3:
                    value.DocString = reader.String();
                    break;
                case 4:
                    value.Metadata.Add(ReadPair(reader.Message()));
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private Function ReadFunction(ProtoReader reader)
    {
        // Name and domain first, inputs before nodes, as in a graph.
        string name = "", domain = "";
        var scope = new Scope(null);
        List<string> inputs = [], outputs = [];
        var first = reader;
        while (first.Next())
        {
            switch (first.Field)
            {
                case 1:
                    name = first.String();
                    break;
                case 4:
                    inputs.Add(first.String());
                    break;
                case 5:
                    outputs.Add(first.String());
                    break;
                case 7:
                    DeclareOutputs(first.Message(), scope);
                    break;
                case 10:
                    domain = first.String();
                    break;
                default:
                    first.Skip();
                    break;
            }
        }

        var function = new Function(domain, name);
        foreach (var input in inputs)
        {
            function.Body.AddInput(scope.Declare(new Value(input)));
        }

        ReadOnlyMemory<byte> unknown = default;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1 or 4 or 5 or 10:
                    reader.Skip();
                    break;
                case 6:
                    function.AttributeNames.Add(reader.String());
                    break;
                case 7:
                    function.Body.Add(ReadNode(reader.Message(), scope));
                    break;
                case 8:
                    function.DocString = reader.String();
                    break;
                case 9:
                    ReadOpset(reader.Message(), function.OpsetImports);
                    break;
                case 11:
                    function.AttributeDefaults.Add(ReadAttribute(reader.Message(), scope));
                    break;
                case 12:
                    ReadValueType(reader.Message(), scope);
                    break;
                case 13:
                    function.Overload = reader.String();
                    break;
                case 14:
                    function.Body.Metadata.Add(ReadPair(reader.Message()));
                    break;
                default:
                    reader.Keep(ref unknown);
                    break;
            }
        }

        function.UnknownFields = unknown;
        function.Body.Outputs.AddRange(outputs.Select(output => scope.Find(output)
            ?? throw new CompressToolException(OnnxErrors.InvalidGraph, $"the output '{output}' of function '{name}' is not computed by anything")));
        return function;
    }

    /// <summary>The values that a name can mean inside a graph: its own, then those of the graphs around it.</summary>
    private sealed class Scope(Scope? outer)
    {
        private readonly Dictionary<string, Value> _values = [];

        public Value Declare(Value value) => _values.TryAdd(value.Name, value) ? value
            : throw new CompressToolException(OnnxErrors.InvalidGraph, $"two values of the graph are named '{value.Name}'");

        public Value? Local(string name) => _values.GetValueOrDefault(name);

        public Value? Find(string name) => Local(name) ?? outer?.Find(name);
    }
}
