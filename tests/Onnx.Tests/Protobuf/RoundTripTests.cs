using CompressTool.OnnxFormat;
using Google.Protobuf;

namespace CompressTool.Onnx.Tests.Protobuf;

/// <summary>Reader and writer against another implementation of the encoding.</summary>
[TestClass]
public sealed class RoundTripTests
{
    [TestMethod]
    [DataRow(ExternalDataMode.Never)]
    [DataRow(ExternalDataMode.Always)]
    public void Everything_in_a_model_survives(ExternalDataMode mode)
    {
        using var folder = new TempFolder();
        var path = folder.File("everything.onnx");
        File.WriteAllBytes(path, EverythingModel.Create(folder.Path).ToByteArray());

        ExpectSurvives(path, folder.File("saved", "everything.onnx"), mode);
    }

    [TestMethod]
    [DataRow(ExternalDataMode.Never)]
    [DataRow(ExternalDataMode.Always)]
    public void Exported_models_survive(ExternalDataMode mode)
    {
        using var folder = new TempFolder();
        foreach (var path in TestFiles.All("*.onnx").Where(path => Path.GetFileName(Path.GetDirectoryName(path)) != "big"))
        {
            ExpectSurvives(path, folder.File("saved", "model.onnx"), mode);
        }
    }

    [TestMethod]
    public void Graphs_whose_weights_are_missing_keep_their_structure()
    {
        foreach (var path in Repository.Oracle("big") is { } big ? Directory.GetFiles(big, "*.onnx") : [])
        {
            using var model = Model.Load(path, new LoadOptions { AllowMissingWeights = true });
            using var stream = File.OpenRead(path);
            var proto = ModelProto.Parser.ParseFrom(stream).Graph;

            CollectionAssert.AreEqual(proto.Node.Select(node => node.Name).ToArray(), model.Graph.Nodes.Select(node => node.Name).ToArray());
            CollectionAssert.AreEqual(proto.Initializer.Select(tensor => tensor.Name).ToArray(), model.Graph.Initializers.Select(value => value.Name).ToArray());
            Assert.AreEqual(proto.Initializer.Sum(tensor => tensor.Dims.Aggregate(1L, (product, dim) => product * dim)), model.Graph.Initializers.Sum(value => value.Initializer!.Count));
        }
    }

    [TestMethod]
    public void Saving_what_was_saved_gives_the_same_bytes()
    {
        using var folder = new TempFolder();
        using var model = Model.Parse(EverythingModel.Create().ToByteArray());
        var bytes = model.ToBytes();
        using var again = Model.Parse(bytes);

        CollectionAssert.AreEqual(bytes, again.ToBytes());
        model.Save(folder.File("1", "model.onnx"), new SaveOptions { ExternalData = ExternalDataMode.Always });
        again.Save(folder.File("2", "model.onnx"), new SaveOptions { ExternalData = ExternalDataMode.Always });
        foreach (var name in new[] { "model.onnx", "model.onnx.data" })
        {
            CollectionAssert.AreEqual(File.ReadAllBytes(folder.File("1", name)), File.ReadAllBytes(folder.File("2", name)));
        }
    }

    [TestMethod]
    public void Numbers_are_read_packed_and_unpacked()
    {
        var packed = new PackedModel
        {
            IrVersion = 8,
            OpsetImport = { new OperatorSetIdProto { Version = 17 } },
            Graph = new PackedGraph
            {
                Node =
                {
                    new PackedNode
                    {
                        OpType = "Op",
                        Output = { "y" },
                        Attribute =
                        {
                            new PackedAttribute { Name = "ints", Type = AttributeProto.Types.AttributeType.Ints, Ints = { 1, -1, 300 } },
                            new PackedAttribute { Name = "floats", Type = AttributeProto.Types.AttributeType.Floats, Floats = { 1.5f, -2 } },
                        },
                    },
                },
                Initializer =
                {
                    new PackedTensor { Name = "float", Dims = { 2, 1 }, DataType = 1, FloatData = { 1.5f, -2 } },
                    new PackedTensor { Name = "int32", Dims = { 2 }, DataType = 6, Int32Data = { -1, 300 } },
                    new PackedTensor { Name = "int64", Dims = { 2 }, DataType = 7, Int64Data = { -1, 300 } },
                    new PackedTensor { Name = "double", Dims = { 2 }, DataType = 11, DoubleData = { 1.5, -2 } },
                    new PackedTensor { Name = "uint64", Dims = { 2 }, DataType = 13, Uint64Data = { 1, ulong.MaxValue } },
                },
            },
        };

        using var model = Model.Parse(packed.ToByteArray());

        var node = model.Graph.Nodes.Single();
        CollectionAssert.AreEqual(new long[] { 1, -1, 300 }, node.GetInts("ints")!.ToArray());
        CollectionAssert.AreEqual(new[] { 1.5f, -2f }, node.GetFloats("floats")!.ToArray());
        var tensors = model.Graph.Initializers.ToDictionary(value => value.Name, value => value.Initializer!);
        Assert.AreEqual("float32[2,1]", tensors["float"].ToString());
        CollectionAssert.AreEqual(new[] { 1.5f, -2f }, tensors["float"].ToFloats());
        CollectionAssert.AreEqual(new long[] { -1, 300 }, tensors["int32"].ToInt64s());
        CollectionAssert.AreEqual(new long[] { -1, 300 }, tensors["int64"].ToInt64s());
        CollectionAssert.AreEqual(new[] { 1.5, -2.0 }, tensors["double"].ToArray<double>());
        CollectionAssert.AreEqual(new ulong[] { 1, ulong.MaxValue }, tensors["uint64"].ToArray<ulong>());
    }

    private static void ExpectSurvives(string path, string target, ExternalDataMode mode)
    {
        using (var model = Model.Load(path))
        {
            model.Save(target, new SaveOptions { ExternalData = mode });
        }

        Assert.IsNull(Difference.Find(Normalizer.Read(path), Normalizer.Read(target)), path);
        Assert.AreEqual(mode == ExternalDataMode.Always, File.Exists(target + ".data"), path);
    }
}
