using System.Runtime.InteropServices;
using CompressTool.OnnxFormat;
using Google.Protobuf;
using Kind = CompressTool.OnnxFormat.AttributeProto.Types.AttributeType;

namespace CompressTool.Onnx.Tests.Protobuf;

/// <summary>A model, made without our own code, that uses every field of the format.</summary>
internal static class EverythingModel
{
    public const string WeightFile = "sub/everything.bin";

    /// <summary>Builds the model.</summary>
    /// <param name="folder">Where its weight file goes; null builds it without external data.</param>
    public static ModelProto Create(string? folder = null)
    {
        var model = new ModelProto
        {
            IrVersion = 13,
            ProducerName = "tests",
            ProducerVersion = "1.2",
            Domain = "org.example",
            ModelVersion = 42,
            DocString = "all of it: ü, 語, \n",
            Graph = MainGraph(),
            OpsetImport = { new OperatorSetIdProto { Domain = "org.example", Version = 1 }, new OperatorSetIdProto { Domain = "ai.onnx", Version = 21 } },
            MetadataProps = { Pair("key", "value"), Pair("empty", ""), Pair("key", "again") },
            TrainingInfo =
            {
                new TrainingInfoProto
                {
                    Initialization = new GraphProto { Name = "initialization" },
                    Algorithm = new GraphProto { Name = "algorithm", Node = { Node("Neg", ["weight"], ["weight_new"]) } },
                    UpdateBinding = { Pair("weight", "weight_new") },
                },
            },
            Functions = { Function() },
            Configuration = { new DeviceConfigurationProto { Name = "two", NumDevices = 2, Device = { "a", "b" } } },
        };
        if (folder is not null)
        {
            AddExternalData(model, folder);
        }

        return WithUnknownFields(model);
    }

    private static GraphProto MainGraph()
    {
        var graph = new GraphProto
        {
            Name = "main",
            DocString = "the main graph",
            MetadataProps = { Pair("graph", "metadata") },
            Input =
            {
                Info("x", TensorType(DataType.Float, Dim(2, "DATA_BATCH"), Dim("width"), new TensorShapeProto.Types.Dimension(), Dim(-1))),
                Info("condition", TensorType(DataType.Bool)),
                Info("trips", TensorType(DataType.Int64)),
                Info("weight", TensorType(DataType.Float, Dim(3))),
                Info("unranked", new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1 } }),
                Info("sequence", new TypeProto { SequenceType = new TypeProto.Types.Sequence { ElemType = TensorType(DataType.Float, Dim(1)) }, Denotation = "LIST" }),
                Info("map", new TypeProto { MapType = new TypeProto.Types.Map { KeyType = 7, ValueType = TensorType(DataType.String) } }),
                Info("optional", new TypeProto { OptionalType = new TypeProto.Types.Optional { ElemType = TensorType(DataType.Float) } }),
                Info("opaque", new TypeProto { OpaqueType = new TypeProto.Types.Opaque { Domain = "org.example", Name = "thing" } }),
                Info("sparse_input", new TypeProto { SparseTensorType = new TypeProto.Types.SparseTensor { ElemType = 1 } }),
                new ValueInfoProto { Name = "untyped", DocString = "nothing known", MetadataProps = { Pair("k", "v") } },
            },
            Output = { Info("chosen", TensorType(DataType.Float, Dim(2))), Info("looped"), Info("chosen", TensorType(DataType.Float, Dim(2))), Info("x_out") },
            Initializer = { TypedTensors() },
            SparseInitializer = { Sparse("sparse_weight") },
            QuantizationAnnotation = { new TensorAnnotation { TensorName = "chosen", QuantParameterTensorNames = { Pair("SCALE_TENSOR", "float_data") } } },
            ValueInfo =
            {
                Info("sum", TensorType(DataType.Float, Dim(2), Dim("2*width"))),
                new ValueInfoProto { Name = "called", DocString = "no type", MetadataProps = { Pair("only", "metadata") } },
                new ValueInfoProto { Name = "float_data", Type = TensorType(DataType.Float, Dim(2)), DocString = "a constant with a comment" },
                Info("raw_data", TensorType(DataType.Float, Dim(2))),
                Info("nowhere", TensorType(DataType.Float)),
            },
        };
        graph.Input[0].Type.Denotation = "TENSOR";
        graph.Node.Add(Node("Add", ["x", "weight"], ["sum"]));
        graph.Node.Add(Node("Identity", ["x"], ["x_out"], name: ""));
        graph.Node.Add(Node("Twice", ["sum", "", "float_data", ""], ["", "called"], domain: "org.example"));
        graph.Node[2].Overload = "second";
        graph.Node[2].DocString = "a call";
        graph.Node[2].MetadataProps.Add(Pair("node", "metadata"));
        graph.Node[2].DeviceConfigurations.Add(new NodeDeviceConfigurationProto { ConfigurationId = "two", PipelineStage = 1 });
        graph.Node[2].Attribute.AddRange(Attributes());
        graph.Node.Add(Node("If", ["condition"], ["chosen"], attributes:
        [
            new AttributeProto { Name = "then_branch", Type = Kind.Graph, G = Branch("then", "sum") },
            new AttributeProto { Name = "else_branch", Type = Kind.Graph, G = Branch("else", "called") },
        ]));
        graph.Node.Add(Node("Loop", ["trips", "condition", "sum"], ["looped"], domain: "ai.onnx", attributes: [new AttributeProto { Name = "body", Type = Kind.Graph, G = LoopBody() }]));
        return graph;
    }

    /// <summary>A subgraph that takes a value of the graph around it, with a constant of its own and one more level below.</summary>
    private static GraphProto Branch(string name, string captured) => new()
    {
        Name = name,
        Initializer = { new TensorProto { Name = $"{name}_constant", DataType = 1, FloatData = { 1 } } },
        Node =
        {
            Node("Add", [captured, $"{name}_constant"], [$"{name}_sum"]),
            Node("If", ["condition"], [$"{name}_out"], attributes:
            [
                new AttributeProto { Name = "then_branch", Type = Kind.Graph, G = new GraphProto { Name = "deep", Node = { Node("Neg", [$"{name}_sum"], [$"{name}_deep"]) }, Output = { Info($"{name}_deep") } } },
                new AttributeProto { Name = "else_branch", Type = Kind.Graph, G = new GraphProto { Name = "direct", Output = { Info($"{name}_sum", TensorType(DataType.Float)) } } },
            ]),
        },
        Output = { Info($"{name}_out", TensorType(DataType.Float)) },
        ValueInfo = { Info($"{name}_sum", TensorType(DataType.Float)) },
    };

    private static GraphProto LoopBody() => new()
    {
        Name = "body",
        Input = { Info("iteration", TensorType(DataType.Int64)), Info("go_on", TensorType(DataType.Bool)), Info("state", TensorType(DataType.Float)) },
        Node = { Node("Identity", ["go_on"], ["go_on_out"]), Node("Mul", ["state", "x"], ["state_out"]) },
        Output = { Info("go_on_out", TensorType(DataType.Bool)), Info("state_out", TensorType(DataType.Float)) },
    };

    private static FunctionProto Function() => new()
    {
        Name = "Twice",
        Domain = "org.example",
        Overload = "second",
        DocString = "a function",
        Input = { "a", "b" },
        Output = { "c", "a" },
        Attribute = { "alpha" },
        AttributeProto = { new AttributeProto { Name = "beta", Type = Kind.Float, F = 0.5f } },
        Node =
        {
            Node("LeakyRelu", ["a"], ["t"], attributes: [new AttributeProto { Name = "alpha", Type = Kind.Float, RefAttrName = "alpha", DocString = "given by the caller" }]),
            Node("Add", ["t", "b"], ["c"]),
        },
        OpsetImport = { new OperatorSetIdProto { Domain = "", Version = 21 } },
        ValueInfo = { Info("t", TensorType(DataType.Float, Dim("n"))) },
        MetadataProps = { Pair("function", "metadata") },
    };

    private static IEnumerable<AttributeProto> Attributes() =>
    [
        new AttributeProto { Name = "f", Type = Kind.Float, F = float.NaN, DocString = "documented" },
        new AttributeProto { Name = "f0", Type = Kind.Float },
        new AttributeProto { Name = "i", Type = Kind.Int, I = long.MinValue },
        new AttributeProto { Name = "i0", Type = Kind.Int, I = 0 },
        new AttributeProto { Name = "s", Type = Kind.String, S = ByteString.CopyFrom(0, 255, 254, 10) },
        new AttributeProto { Name = "s0", Type = Kind.String, S = ByteString.Empty },
        new AttributeProto { Name = "t", Type = Kind.Tensor, T = new TensorProto { Name = "attribute tensor", Dims = { 2 }, DataType = 7, Int64Data = { 1, -1 }, DocString = "inside" } },
        new AttributeProto { Name = "floats", Type = Kind.Floats, Floats = { 1.5f, float.NegativeInfinity } },
        new AttributeProto { Name = "ints", Type = Kind.Ints, Ints = { 1, -1, long.MaxValue } },
        new AttributeProto { Name = "no_ints", Type = Kind.Ints },
        new AttributeProto { Name = "strings", Type = Kind.Strings, Strings = { ByteString.CopyFromUtf8("a"), ByteString.Empty } },
        new AttributeProto { Name = "tensors", Type = Kind.Tensors, Tensors = { new TensorProto { DataType = 1, FloatData = { 3 } }, new TensorProto { Dims = { 0 }, DataType = 1 } } },
        new AttributeProto { Name = "graphs", Type = Kind.Graphs, Graphs = { new GraphProto { Name = "g1", Output = { Info("sum", TensorType(DataType.Float, Dim(2), Dim("2*width"))) } }, new GraphProto { Name = "g2" } } },
        new AttributeProto { Name = "sparse", Type = Kind.SparseTensor, SparseTensor = Sparse("") },
        new AttributeProto { Name = "sparses", Type = Kind.SparseTensors, SparseTensors = { Sparse("one"), Sparse("two") } },
        new AttributeProto { Name = "type", Type = Kind.TypeProto, Tp = TensorType(DataType.Float, Dim(1)) },
        new AttributeProto { Name = "types", Type = Kind.TypeProtos, TypeProtos = { TensorType(DataType.Float), TensorType(DataType.Int8, Dim("n")) } },
    ];

    private static IEnumerable<TensorProto> TypedTensors() =>
    [
        new TensorProto { Name = "weight", Dims = { 3 }, DataType = 1, FloatData = { 1, -0f, float.Epsilon }, DocString = "a default", MetadataProps = { Pair("tensor", "metadata") } },
        new TensorProto { Name = "float_data", Dims = { 2 }, DataType = 1, FloatData = { 1, float.NaN } },
        new TensorProto { Name = "complex64", Dims = { 1 }, DataType = 14, FloatData = { 1, 2 } },
        new TensorProto { Name = "complex128", Dims = { 1 }, DataType = 15, DoubleData = { 1, 2 } },
        new TensorProto { Name = "double", Dims = { 2, 1 }, DataType = 11, DoubleData = { double.Epsilon, -1 } },
        new TensorProto { Name = "int32", Dims = { 2 }, DataType = 6, Int32Data = { int.MinValue, int.MaxValue } },
        new TensorProto { Name = "int16", Dims = { 2 }, DataType = 5, Int32Data = { -2, 3 } },
        new TensorProto { Name = "uint16", Dims = { 1 }, DataType = 4, Int32Data = { 65535 } },
        new TensorProto { Name = "int8", Dims = { 2 }, DataType = 3, Int32Data = { -128, 127 } },
        new TensorProto { Name = "uint8", Dims = { 1 }, DataType = 2, Int32Data = { 255 } },
        new TensorProto { Name = "bool", Dims = { 2 }, DataType = 9, Int32Data = { 1, 0 } },
        new TensorProto { Name = "float16", Dims = { 1 }, DataType = 10, Int32Data = { 0x3C00 } },
        new TensorProto { Name = "bfloat16", Dims = { 1 }, DataType = 16, Int32Data = { 0x3F80 } },
        new TensorProto { Name = "float8", Dims = { 3 }, DataType = 17, Int32Data = { 1, 2, 255 } },
        new TensorProto { Name = "int4", Dims = { 3 }, DataType = 22, Int32Data = { 0x21, 0x0F } },
        new TensorProto { Name = "uint2", Dims = { 5 }, DataType = 25, Int32Data = { 0xE4, 0x01 } },
        new TensorProto { Name = "int64", Dims = { 2 }, DataType = 7, Int64Data = { long.MinValue, 5 } },
        new TensorProto { Name = "uint32", Dims = { 1 }, DataType = 12, Uint64Data = { uint.MaxValue } },
        new TensorProto { Name = "uint64", Dims = { 1 }, DataType = 13, Uint64Data = { ulong.MaxValue } },
        new TensorProto { Name = "string", Dims = { 2, 1 }, DataType = 8, StringData = { ByteString.CopyFromUtf8("ü"), ByteString.Empty } },
        new TensorProto { Name = "raw_data", Dims = { 2 }, DataType = 1, RawData = Floats(2) },
        new TensorProto { Name = "large_raw_data", Dims = { 5000 }, DataType = 1, RawData = Floats(5000), DataLocation = TensorProto.Types.DataLocation.Default },
        new TensorProto { Name = "empty", Dims = { 0, 7 }, DataType = 1 },
        new TensorProto { Name = "empty_raw", Dims = { 7, 0 }, DataType = 1, RawData = ByteString.Empty },
        new TensorProto { Name = "scalar", DataType = 7, Int64Data = { 9 } },
    ];

    private static void AddExternalData(ModelProto model, string folder)
    {
        var bytes = Floats(3000).ToByteArray();
        var path = Path.Combine(folder, WeightFile);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
        TensorProto External(string name, int floats, int? offset, bool length)
        {
            var tensor = new TensorProto
            {
                Name = name,
                Dims = { floats },
                DataType = 1,
                DataLocation = TensorProto.Types.DataLocation.External,
                ExternalData = { Pair("location", WeightFile) },
            };
            if (offset is not null)
            {
                tensor.ExternalData.Add(Pair("offset", $"{offset}"));
            }

            if (length)
            {
                tensor.ExternalData.Add(Pair("length", $"{4 * floats}"));
            }

            return tensor;
        }

        model.Graph.Initializer.Add(External("external", 2000, 4000, true));
        model.Graph.Initializer.Add(External("external_whole", 3000, null, false));
        model.Graph.Node[0].Attribute.Add(new AttributeProto { Name = "external", Type = Kind.Tensor, T = External("", 1500, 400, true) });
        model.Graph.SparseInitializer.Add(new SparseTensorProto
        {
            Values = External("external_sparse", 500, 0, true),
            Indices = new TensorProto { Dims = { 500 }, DataType = 7, RawData = ByteString.CopyFrom(new byte[4000]) },
            Dims = { 1000 },
        });
    }

    /// <summary>Adds a field with a number that no message has, wherever the format may grow.</summary>
    private static ModelProto WithUnknownFields(ModelProto model)
    {
        model.Graph.Node[1] = Extend(model.Graph.Node[1], 11);
        model.Graph.Node[2].Attribute[0] = Extend(model.Graph.Node[2].Attribute[0], 12);
        model.Graph.Initializer[1] = Extend(model.Graph.Initializer[1], 13);
        model.Graph.Input[0] = Extend(model.Graph.Input[0], 14);
        model.Graph.Output[1] = Extend(model.Graph.Output[1], 15);
        model.Functions[0] = Extend(model.Functions[0], 16);
        model.Graph = Extend(model.Graph, 17);
        return Extend(model, 18);
    }

    private static T Extend<T>(T message, byte value)
        where T : IMessage<T>, new()
    {
        // Field 1000 as a number, field 1001 as bytes.
        byte[] unknown = [0xC0, 0x3E, value, 0xCA, 0x3E, 2, value, value];
        return new MessageParser<T>(() => new T()).ParseFrom([.. message.ToByteArray(), .. unknown]);
    }

    private static ByteString Floats(int count) => ByteString.CopyFrom(MemoryMarshal.AsBytes(Enumerable.Range(0, count).Select(index => index * 0.25f).ToArray().AsSpan()));

    private static SparseTensorProto Sparse(string name) => new()
    {
        Values = new TensorProto { Name = name, Dims = { 2 }, DataType = 1, FloatData = { 5, 6 } },
        Indices = new TensorProto { Dims = { 2 }, DataType = 7, Int64Data = { 1, 3 } },
        Dims = { 2, 2 },
    };

    private static NodeProto Node(string opType, string[] inputs, string[] outputs, string? name = null, string domain = "", IEnumerable<AttributeProto>? attributes = null) => new()
    {
        OpType = opType,
        Name = name ?? $"{opType}_{string.Join('_', outputs)}",
        Domain = domain,
        Input = { inputs },
        Output = { outputs },
        Attribute = { attributes ?? [] },
    };

    private static StringStringEntryProto Pair(string key, string value) => new() { Key = key, Value = value };

    private static ValueInfoProto Info(string name, TypeProto? type = null) => new() { Name = name, Type = type };

    private static TypeProto TensorType(DataType type, params TensorShapeProto.Types.Dimension[] dims) =>
        new() { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = new TensorShapeProto { Dim = { dims } } } };

    private static TensorShapeProto.Types.Dimension Dim(long value, string? denotation = null)
    {
        var dim = new TensorShapeProto.Types.Dimension { DimValue = value };
        if (denotation is not null)
        {
            dim.Denotation = denotation;
        }

        return dim;
    }

    private static TensorShapeProto.Types.Dimension Dim(string symbol) => new() { DimParam = symbol };
}
