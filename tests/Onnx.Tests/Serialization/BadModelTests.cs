using CompressTool.Onnx.Diagnostics;
using CompressTool.OnnxFormat;
using Google.Protobuf;
using Kind = CompressTool.OnnxFormat.AttributeProto.Types.AttributeType;

namespace CompressTool.Onnx.Tests.Serialization;

/// <summary>Every way a model file can be bad gives an error with its code, the file's path and what is wrong.</summary>
[TestClass]
public sealed class BadModelTests
{
    /// <summary>Valid protobuf, invalid model: name, expected code, part of the message, what to do to a valid model.</summary>
    private static readonly (string Name, string Code, string Message, Action<ModelProto> Spoil)[] s_cases =
    [
        ("no graph", "CMP2002", "it has no graph", model => model.Graph = null),
        ("no operator set", "CMP2002", "names no operator set", model => model.OpsetImport.Clear()),
        ("cycle", "CMP2005", "cycle", model => model.Graph.Node[0].Input[0] = "z"),
        ("node that takes its own output", "CMP2005", "cycle", model => model.Graph.Node[0].Input[0] = "y"),
        ("undefined input", "CMP2005", "the input 'nothing' of the node 'first'", model => model.Graph.Node[0].Input[0] = "nothing"),
        ("undefined output", "CMP2005", "the output 'nothing' of the graph", model => model.Graph.Output[0].Name = "nothing"),
        ("two nodes make one value", "CMP2005", "two values of the graph are named 'y'", model => model.Graph.Node[1].Output[0] = "y"),
        ("node makes an input", "CMP2005", "two values of the graph are named 'x'", model => model.Graph.Node[0].Output[0] = "x"),
        ("two inputs of one name", "CMP2005", "named 'x'", model => model.Graph.Input.Add(new ValueInfoProto { Name = "x" })),
        ("two constants of one name", "CMP2005", "named 'w'", model => model.Graph.Initializer.Add(model.Graph.Initializer[0])),
        ("sparse constant of a taken name", "CMP2005", "named 'w'", model => model.Graph.SparseInitializer.Add(new SparseTensorProto { Values = model.Graph.Initializer[0], Indices = model.Graph.Initializer[0] })),
        ("sparse constant without indices", "CMP2002", "no values or no indices", model => model.Graph.SparseInitializer.Add(new SparseTensorProto { Values = model.Graph.Initializer[0] })),
        ("unknown element type", "CMP2007", "the tensor 'w' has the unknown element type 99", model => model.Graph.Initializer[0].DataType = 99),
        ("no element type", "CMP2007", "unknown element type 0", model => model.Graph.Initializer[0].ClearDataType()),
        ("too few bytes", "CMP2002", "tensor 'w' is damaged", model => model.Graph.Initializer[0].Dims[0] = 3),
        ("too many bytes", "CMP2002", "tensor 'w' is damaged", model => model.Graph.Initializer[0].Dims[0] = 1),
        ("no bytes", "CMP2002", "tensor 'w' is damaged", model => model.Graph.Initializer[0].ClearRawData()),
        ("negative dimension", "CMP2002", "tensor 'w' is damaged", model => model.Graph.Initializer[0].Dims[0] = -2),
        ("dimensions beyond 63 bits", "CMP2002", "tensor 'w' is damaged", model => model.Graph.Initializer[0].Dims.Add([1L << 31, 1L << 31])),
        ("bytes beyond 63 bits", "CMP2002", "tensor 'w' is damaged", model => model.Graph.Initializer[0].Dims.Add(1L << 61)),
        ("elements in the wrong field", "CMP2002", "field for another type", model => Replace(model.Graph.Initializer[0], tensor => tensor.Int64Data.Add([1, 2]))),
        ("strings too few", "CMP2002", "tensor 'w' is damaged", model => Replace(model.Graph.Initializer[0], tensor => tensor.DataType = 8)),
        ("segments", "CMP2007", "segments", model => model.Graph.Initializer[0].Segment = new TensorProto.Types.Segment { Begin = 0, End = 1 }),
        ("attribute of unknown type", "CMP2002", "'a' has the unknown type 77", model => model.Graph.Node[0].Attribute.Add(new AttributeProto { Name = "a", Type = (Kind)77 })),
        ("attribute without type and value", "CMP2002", "'a' has the unknown type 0", model => model.Graph.Node[0].Attribute.Add(new AttributeProto { Name = "a" })),
        ("attribute of another type than said", "CMP2002", "'a' says to be Int, but holds Float", model => model.Graph.Node[0].Attribute.Add(new AttributeProto { Name = "a", Type = Kind.Int, F = 1 })),
        ("tensor attribute without tensor", "CMP2002", "'a' has no value", model => model.Graph.Node[0].Attribute.Add(new AttributeProto { Name = "a", Type = Kind.Tensor })),
        ("lists of two types", "CMP2002", "lists of two types", model => model.Graph.Node[0].Attribute.Add(new AttributeProto { Name = "a", Ints = { 1 }, Strings = { ByteString.Empty } })),
        ("65 nested subgraphs", "CMP2002", "nested more than 64 deep", model => model.Graph = Nest(65)),
        ("undefined output of a function", "CMP2005", "the output 'nothing' of the function 'F'", model => model.Functions.Add(new FunctionProto { Name = "F", Output = { "nothing" } })),
        ("cycle in a function", "CMP2005", "cycle", model => model.Functions.Add(new FunctionProto { Name = "F", Node = { new NodeProto { OpType = "Abs", Input = { "a" }, Output = { "a" } } } })),
        ("external data without location", "CMP2002", "does not say in which", model => External(model)),
        ("external data at an absolute path", "CMP2004", "not a relative path", model => External(model, ("location", Path.Combine(Path.GetTempPath(), "w.bin")))),
        ("external data at a Windows path", "CMP2004", "not a relative path", model => External(model, ("location", @"C:\w.bin"))),
        ("external data on a share", "CMP2004", "not a relative path", model => External(model, ("location", @"\\server\w.bin"))),
        ("external data with a NUL", "CMP2004", "not a relative path", model => External(model, ("location", "w\0.bin"))),
        ("external data above the folder", "CMP2004", "outside the model's folder", model => External(model, ("location", "../w.bin"))),
        ("external data above the folder, other way", "CMP2004", "outside the model's folder", model => External(model, ("location", @"sub\..\..\w.bin"))),
        ("external data in a folder of similar name", "CMP2004", "outside the model's folder", model => External(model, ("location", "../model-other/w.bin"))),
        ("external data is the folder", "CMP2004", "outside the model's folder", model => External(model, ("location", "."))),
        ("external data is missing", "CMP2003", "copy it beside the model", model => External(model, ("location", "missing.bin"))),
        ("external data is a folder", "CMP2009", "is a folder", model => External(model, ("location", "sub"))),
        ("external data is too short", "CMP2003", "has 16 bytes, but the tensor 'w' takes 8 bytes from byte 12 on", model => External(model, ("location", "w.bin"), ("offset", "12"))),
        ("external data starts far behind its end", "CMP2003", "from byte 9223372036854775807 on", model => External(model, ("location", "w.bin"), ("offset", "9223372036854775807"))),
        ("external data at a negative offset", "CMP2002", "impossible offset '-4'", model => External(model, ("location", "w.bin"), ("offset", "-4"))),
        ("external data at no number", "CMP2002", "impossible offset 'four'", model => External(model, ("location", "w.bin"), ("offset", "four"))),
        ("external data of another length", "CMP2002", "has 8 bytes by its shape, but 12 in 'w.bin'", model => External(model, ("location", "w.bin"), ("length", "12"))),
    ];

    public static IEnumerable<object[]> CaseNames => s_cases.Select(item => new object[] { item.Name });

    [TestMethod]
    [DynamicData(nameof(CaseNames))]
    public void Invalid_models_are_refused(string name)
    {
        using var folder = new TempFolder();
        var (_, code, message, spoil) = s_cases.Single(item => item.Name == name);
        var path = folder.File("model", "m.onnx");
        File.WriteAllBytes(folder.File("model", "w.bin"), new byte[16]);
        File.WriteAllBytes(folder.File("w.bin"), new byte[16]);
        File.WriteAllBytes(folder.File("model-other", "w.bin"), new byte[16]);
        Directory.CreateDirectory(folder.File("model", "sub", "x")[..^2]);
        var model = Valid();
        File.WriteAllBytes(path, model.ToByteArray());
        Model.Load(path).Dispose();

        spoil(model);
        File.WriteAllBytes(path, model.ToByteArray());

        Expect(code, path, message);
    }

    [TestMethod]
    public void Files_that_are_not_models_are_refused()
    {
        using var folder = new TempFolder();
        var random = new byte[10_000];
        new Random(3).NextBytes(random);
        File.WriteAllBytes(folder.File("random.onnx"), random);
        File.WriteAllBytes(folder.File("two.onnx"), [.. Valid().ToByteArray(), .. Valid().ToByteArray()]);

        Expect("CMP2001", folder.File("missing.onnx"), "does not exist");
        Expect("CMP2001", folder.File("absent", "x")[..^1] + "missing.onnx", "does not exist");
        Expect("CMP2009", folder.Path, "is a folder");
        Expect("CMP2002", folder.Write("empty.onnx", ""), "it is empty");
        Expect("CMP2002", folder.Write("text.onnx", "this is a text, not a model"), "not a valid ONNX model");
        Expect("CMP2002", folder.Write("page.onnx", "<!DOCTYPE html><html></html>"), "not a valid ONNX model");
        Expect("CMP2002", folder.Write("pointer.onnx", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"), "git lfs pull");
        Expect("CMP2002", folder.File("random.onnx"), "not a valid ONNX model");
        Expect("CMP2002", folder.File("two.onnx"), "two main graphs");
        Assert.AreEqual("CMP2001", Assert.ThrowsExactly<CompressToolException>(() => Model.Load("")).Code.Id);
        Assert.AreEqual("CMP2001", Assert.ThrowsExactly<CompressToolException>(() => Model.Load("a\0b")).Code.Id);
        Assert.AreEqual("CMP2002", Assert.ThrowsExactly<CompressToolException>(() => Model.Parse(random)).Code.Id);
        if (!OperatingSystem.IsWindows())
        {
            Expect("CMP2002", "/dev/null", "it is empty");
        }
    }

    [TestMethod]
    public void Files_larger_than_the_format_allows_are_refused()
    {
        using var folder = new TempFolder();
        var path = folder.File("huge.onnx");
        using (var file = File.Create(path))
        {
            file.SetLength(1L << 31);
        }

        Expect("CMP2002", path, "larger than 2 GiB");
    }

    [TestMethod]
    public void Truncated_models_are_refused()
    {
        using var folder = new TempFolder();
        var whole = File.ReadAllBytes(Repository.Fixture("autoencoder-kl", "decoder_op17.onnx"));
        var path = folder.File("cut.onnx");
        for (var length = 0; length < whole.Length; length += 1000)
        {
            File.WriteAllBytes(path, whole[..length]);
            Expect("CMP2002", path, "");
        }
    }

    [TestMethod]
    public void Links_may_not_lead_out_of_the_folder_but_for_download_caches()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive("Links need a privilege there.");
        }

        using var folder = new TempFolder();
        var model = Valid();
        External(model, ("location", "sub/w.bin"));
        File.WriteAllBytes(folder.File("outside", "w.bin"), new byte[16]);
        File.WriteAllBytes(folder.File("outside", "deep", "x.bin"), new byte[16]);
        var path = folder.File("model", "m.onnx");
        File.WriteAllBytes(path, model.ToByteArray());
        var location = folder.File("model", "sub", "w.bin");

        // A link to a file outside.
        File.CreateSymbolicLink(location, folder.File("outside", "w.bin"));
        Expect("CMP2004", path, "outside the model's folder");
        File.Delete(location);

        // A relative one, through a link to a file inside.
        File.CreateSymbolicLink(folder.File("model", "hop"), "../outside/w.bin");
        File.CreateSymbolicLink(location, "../hop");
        Expect("CMP2004", path, "outside the model's folder");
        File.Delete(location);
        File.Delete(folder.File("model", "hop"));

        // A link in a linked folder, which looks as if it led inside when taken by its text alone.
        Directory.Delete(folder.File("model", "sub"));
        Directory.CreateSymbolicLink(Path.Combine(folder.Path, "model", "sub"), folder.File("outside", "deep"));
        File.CreateSymbolicLink(folder.File("outside", "deep", "w.bin"), "../w.bin");
        File.WriteAllBytes(folder.File("model", "w.bin"), new byte[16]);
        Expect("CMP2004", path, "outside the model's folder");
        Directory.Delete(Path.Combine(folder.Path, "model", "sub"));
        Directory.CreateDirectory(Path.Combine(folder.Path, "model", "sub"));

        // Nowhere, and in a circle.
        File.CreateSymbolicLink(location, "nowhere");
        Expect("CMP2003", path, "copy it beside the model");
        File.Delete(location);
        File.CreateSymbolicLink(location, "w.bin");
        Expect("CMP2009", path, "a link to a link");
        File.Delete(location);

        // Inside is fine.
        File.CreateSymbolicLink(location, "../w.bin");
        Model.Load(path).Dispose();

        // A download cache: model and weights are links into one folder.
        File.WriteAllBytes(folder.File("cache", "blobs", "1"), model.ToByteArray());
        File.WriteAllBytes(folder.File("cache", "blobs", "2"), new byte[16]);
        File.CreateSymbolicLink(folder.File("cache", "snapshot", "m.onnx"), "../blobs/1");
        File.CreateSymbolicLink(folder.File("cache", "snapshot", "sub", "w.bin"), "../../blobs/2");
        Model.Load(folder.File("cache", "snapshot", "m.onnx")).Dispose();
    }

    [TestMethod]
    public void Missing_weights_can_be_allowed()
    {
        using var folder = new TempFolder();
        var model = Valid();
        External(model, ("location", "missing.bin"));
        File.WriteAllBytes(folder.File("m.onnx"), model.ToByteArray());

        using var loaded = Model.Load(folder.File("m.onnx"), new LoadOptions { AllowMissingWeights = true });

        var data = loaded.Graph.FindValue("w")!.Initializer!.Data;
        Assert.AreEqual(8, data.Length);
        Assert.AreEqual(OnnxErrors.ExternalDataMissing, Assert.ThrowsExactly<CompressToolException>(() => data.Read(0, new byte[8])).Code);
        Assert.AreEqual(OnnxErrors.ExternalDataMissing, Assert.ThrowsExactly<CompressToolException>(data.View).Code);
        Assert.AreEqual(OnnxErrors.ExternalDataMissing, Assert.ThrowsExactly<CompressToolException>(() => loaded.Save(folder.File("copy.onnx"))).Code);
        Assert.HasCount(1, Directory.GetFileSystemEntries(folder.Path));
        Assert.AreEqual(OnnxErrors.ExternalDataMissing, Assert.ThrowsExactly<CompressToolException>(() => Model.Parse(model.ToByteArray())).Code);
    }

    private static void Expect(string code, string path, string message)
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => Model.Load(path));
        Assert.AreEqual(code, error.Code.Id, error.Message);
        StringAssert.Contains(error.Message, path);
        StringAssert.Contains(error.Message, message);
    }

    private static ModelProto Valid() => new()
    {
        IrVersion = 8,
        OpsetImport = { new OperatorSetIdProto { Version = 17 } },
        Graph = new GraphProto
        {
            Input = { new ValueInfoProto { Name = "x" } },
            Output = { new ValueInfoProto { Name = "z" } },
            Node =
            {
                new NodeProto { Name = "first", OpType = "Add", Input = { "x", "w" }, Output = { "y" } },
                new NodeProto { Name = "second", OpType = "Abs", Input = { "y" }, Output = { "z" } },
            },
            Initializer = { new TensorProto { Name = "w", DataType = 1, Dims = { 2 }, RawData = ByteString.CopyFrom(new byte[8]) } },
        },
    };

    private static void Replace(TensorProto tensor, Action<TensorProto> change)
    {
        tensor.ClearRawData();
        change(tensor);
    }

    private static void External(ModelProto model, params (string Key, string Value)[] entries) => Replace(model.Graph.Initializer[0], tensor =>
    {
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        tensor.ExternalData.AddRange(entries.Select(entry => new StringStringEntryProto { Key = entry.Key, Value = entry.Value }));
    });

    private static GraphProto Nest(int depth) => depth == 1 ? new GraphProto { Name = "innermost" } : new GraphProto
    {
        Node = { new NodeProto { OpType = "If", Attribute = { new AttributeProto { Name = "then_branch", Type = Kind.Graph, G = Nest(depth - 1) } } } },
    };
}
