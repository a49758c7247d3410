using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Serialization;

/// <summary>Builds a <see cref="Model"/> from a ModelProto. Field numbers are those of the ONNX format.</summary>
internal static class ModelReader
{
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

            var external = new ExternalData(file.Path, options, model.Own);
            using var view = file.View(0, file.Length);
            Read(new ProtoReader(view.Span, 0), model, new TensorReader((offset, length) => new FileData(file, offset, length), external));
            return model;
        }
        catch (Exception e)
        {
            var hint = e is ProtoException ? GitLfs.Hint(file) : "";
            model.Dispose();
            switch (e)
            {
                case ProtoException:
                    throw new CompressToolException(OnnxErrors.InvalidFile, $"'{file.Path}' is not a valid ONNX model: {e.Message}{hint}", inner: e);
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
        try
        {
            Read(new ProtoReader(bytes.Span, 0), model, new TensorReader((offset, length) => new MemoryData(bytes.Slice((int)offset, length)), null));
            return model;
        }
        catch (ProtoException e)
        {
            throw new CompressToolException(OnnxErrors.InvalidFile, $"the bytes are not a valid ONNX model: {e.Message}", inner: e);
        }
    }

    private static void Read(ProtoReader reader, Model model, TensorReader tensors)
    {
        List<byte>? unknown = null;
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
                case 7 when hasGraph:
                    throw new ProtoException("it has two main graphs");
                case 7:
                    hasGraph = true;
                    new GraphReader(tensors).Read(reader.Message(), model.Graph, null);
                    break;
                case 8:
                    ReadOpset(reader.Message(), model.OpsetImports);
                    break;
                case 14:
                    model.Metadata.Add(reader.Pair());
                    break;
                case 25:
                    model.Functions.Add(ReadFunction(reader.Message(), new GraphReader(tensors)));
                    break;
                default:
                    reader.Keep(ref unknown);
                    break;
            }
        }

        model.UnknownFields = unknown?.ToArray();
        if (!hasGraph)
        {
            throw new ProtoException("it has no graph");
        }

        if (model.OpsetImports.Count == 0)
        {
            throw new ProtoException("it names no operator set");
        }

        // The format demands this order, which not all exporters keep.
        foreach (var graph in model.Functions.Select(function => function.Body).Prepend(model.Graph).SelectMany(graph => graph.AllGraphs()))
        {
            graph.SortTopologically();
        }
    }

    private static void ReadOpset(ProtoReader reader, OrderedDictionary<string, long> imports)
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

    private static Function ReadFunction(ProtoReader reader, GraphReader graphs)
    {
        // Name and domain first, inputs and outputs of nodes before the nodes, as in a graph.
        string name = "", domain = "";
        var scope = new NameScope(null);
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
                    GraphReader.DeclareOutputs(first.Message(), scope);
                    break;
                case 10:
                    domain = first.String();
                    break;
                default:
                    first.Skip();
                    break;
            }
        }

        var function = new Function(domain == "ai.onnx" ? "" : domain, name);
        foreach (var input in inputs)
        {
            function.Body.AddInput(scope.Declare(new Value(input)));
        }

        List<byte>? unknown = null;
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
                    function.Body.Add(graphs.ReadNode(reader.Message(), scope));
                    break;
                case 8:
                    function.DocString = reader.String();
                    break;
                case 9:
                    ReadOpset(reader.Message(), function.OpsetImports);
                    break;
                case 11:
                    function.AttributeDefaults.Add(graphs.ReadAttribute(reader.Message(), scope));
                    break;
                case 12:
                    GraphReader.ReadValueType(reader.Message(), scope);
                    break;
                case 13:
                    function.Overload = reader.String();
                    break;
                case 14:
                    function.Metadata.Add(reader.Pair());
                    break;
                default:
                    reader.Keep(ref unknown);
                    break;
            }
        }

        function.UnknownFields = unknown?.ToArray();
        function.Body.Outputs.AddRange(outputs.Select(output => scope.Find(output)
            ?? throw new CompressToolException(OnnxErrors.InvalidGraph, $"the output '{output}' of the function '{name}' is not computed by anything")));
        return function;
    }
}
