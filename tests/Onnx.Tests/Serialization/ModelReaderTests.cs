using System.Text;
using CompressTool.Onnx.Tests.Protobuf;
using CompressTool.OnnxFormat;
using Google.Protobuf;

namespace CompressTool.Onnx.Tests.Serialization;

/// <summary>What our objects say of a model that another implementation wrote.</summary>
[TestClass]
public sealed class ModelReaderTests
{
    [TestMethod]
    public void Head_and_functions_are_read()
    {
        using var model = Model.Parse(EverythingModel.Create().ToByteArray());

        Assert.AreEqual((13L, "tests", "1.2", "org.example", 42L), (model.IrVersion, model.ProducerName, model.ProducerVersion, model.Domain, model.ModelVersion));
        Assert.AreEqual("all of it: ü, 語, \n", model.DocString);
        Assert.AreEqual(21, model.Opset);
        CollectionAssert.AreEqual(new[] { "org.example", "" }, model.OpsetImports.Keys);
        CollectionAssert.AreEqual(new[] { "key=value", "empty=", "key=again" }, model.Metadata.Select(pair => $"{pair.Key}={pair.Value}").ToArray());
        var function = model.Functions.Single();
        Assert.AreEqual(("org.example", "Twice", "second"), (function.Domain, function.Name, function.Overload));
        CollectionAssert.AreEqual(new[] { "c", "a" }, function.Body.Outputs.Select(value => value.Name).ToArray());
        Assert.AreEqual("alpha", function.Body.Nodes[0].Attribute("alpha")!.ReferenceName);
        Assert.AreEqual("float32[n]", function.Body.FindValue("t")!.Type!.ToString());
    }

    [TestMethod]
    public void Names_become_references_also_into_outer_graphs()
    {
        using var model = Model.Parse(EverythingModel.Create().ToByteArray());
        var graph = model.Graph;
        var sum = graph.FindValue("sum")!;

        Assert.AreEqual(graph.Nodes[0], sum.Producer);
        var then = graph.Nodes[3].Subgraphs.First();
        Assert.AreEqual(graph.Nodes[3], then.Owner);
        Assert.AreEqual(sum, then.Nodes[0].Inputs[0]);
        CollectionAssert.Contains(sum.Uses.ToArray(), new Use(then.Nodes[0], 0));
        Assert.AreEqual(then.FindValue("then_sum"), then.Nodes[1].Subgraphs.First().Nodes[0].Inputs[0]);
        Assert.IsTrue(then.FindValue("then_sum")!.IsGraphOutput);
        Assert.AreEqual(graph.FindValue("x"), graph.Nodes[4].Subgraphs.Single().Nodes[1].Inputs[1]);
        CollectionAssert.AreEqual(new[] { "sum", null, "float_data", null }, graph.Nodes[2].Inputs.Select(input => input?.Name).ToArray());
        CollectionAssert.AreEqual(new[] { null, "called" }, graph.Nodes[2].Outputs.Select(output => output?.Name).ToArray());
        Assert.AreEqual("", graph.Nodes[4].Domain);
    }

    [TestMethod]
    public void Types_and_declarations_are_read()
    {
        using var model = Model.Parse(EverythingModel.Create().ToByteArray());
        var x = model.Graph.Inputs[0];

        Assert.AreEqual("float32[2,width,?,?]", x.Type!.ToString());
        Assert.AreEqual(("TENSOR", "DATA_BATCH"), (x.Type.Denotation, x.Shape![0].Denotation));
        Assert.IsNull(model.Graph.FindValue("unranked")!.Shape);
        Assert.AreEqual(DataType.Float, model.Graph.FindValue("unranked")!.ElementType);
        foreach (var name in new[] { "sequence", "map", "optional", "opaque", "sparse_input" })
        {
            Assert.IsInstanceOfType<OtherType>(model.Graph.FindValue(name)!.Type);
        }

        Assert.IsNull(model.Graph.FindValue("untyped")!.Type);
        Assert.AreEqual("nothing known", model.Graph.FindValue("untyped")!.DocString);
        Assert.AreEqual("only", model.Graph.FindValue("called")!.Metadata.Single().Key);
        var weight = model.Graph.FindValue("weight")!;
        Assert.IsTrue(weight is { IsGraphInput: true, Initializer: not null, ConstantTensor: null });
        Assert.IsNotNull(model.Graph.FindValue("float_data")!.ConstantTensor);
    }

    [TestMethod]
    public void Attributes_of_every_kind_are_read()
    {
        using var model = Model.Parse(EverythingModel.Create().ToByteArray());
        var node = model.Graph.Nodes[2];

        Assert.AreEqual(float.NaN, node.GetFloat("f", 0));
        Assert.AreEqual(0, node.GetFloat("f0", 9));
        Assert.AreEqual(long.MinValue, node.GetInt("i", 0));
        Assert.AreEqual(0, node.GetInt("i0", 9));
        CollectionAssert.AreEqual(new byte[] { 0, 255, 254, 10 }, ((ReadOnlyMemory<byte>)node.Attribute("s")!.Value!).ToArray());
        Assert.AreEqual("", node.GetString("s0", "default"));
        CollectionAssert.AreEqual(new long[] { 1, -1 }, node.GetTensor("t")!.ToInt64s());
        CollectionAssert.AreEqual(new[] { 1.5f, float.NegativeInfinity }, node.GetFloats("floats")!.ToArray());
        CollectionAssert.AreEqual(new long[] { 1, -1, long.MaxValue }, node.GetInts("ints")!.ToArray());
        Assert.IsEmpty(node.GetInts("no_ints")!);
        CollectionAssert.AreEqual(new[] { "a", "" }, ((IReadOnlyList<ReadOnlyMemory<byte>>)node.Attribute("strings")!.Value!).Select(text => Encoding.UTF8.GetString(text.Span)).ToArray());
        Assert.AreEqual("float32[0]", ((IReadOnlyList<Tensor>)node.Attribute("tensors")!.Value!)[1].ToString());
        CollectionAssert.AreEqual(new[] { "g1", "g2" }, node.Attribute("graphs")!.Graphs.Select(graph => graph.Name).ToArray());
        var sparse = (SparseTensor)node.Attribute("sparse")!.Value!;
        CollectionAssert.AreEqual(new long[] { 1, 3 }, sparse.Indices.ToInt64s());
        Assert.AreEqual(5, sparse.Values.ToFloats()[0]);
        Assert.HasCount(2, (IReadOnlyList<SparseTensor>)node.Attribute("sparses")!.Value!);
        Assert.AreEqual(3, node.GetInt("absent", 3));
    }

    [TestMethod]
    public void Tensors_in_typed_fields_become_raw_bytes()
    {
        using var model = Model.Parse(EverythingModel.Create().ToByteArray());
        Tensor Tensor(string name) => model.Graph.FindValue(name)!.Initializer!;

        CollectionAssert.AreEqual(new[] { 1f, -0f, float.Epsilon }, Tensor("weight").ToFloats());
        CollectionAssert.AreEqual(new[] { 1d, 2d }, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, double>(Tensor("complex128").Data.ToBytes()).ToArray());
        CollectionAssert.AreEqual(new long[] { int.MinValue, int.MaxValue }, Tensor("int32").ToInt64s());
        CollectionAssert.AreEqual(new long[] { -2, 3 }, Tensor("int16").ToInt64s());
        CollectionAssert.AreEqual(new long[] { 65535 }, Tensor("uint16").ToInt64s());
        CollectionAssert.AreEqual(new long[] { -128, 127 }, Tensor("int8").ToInt64s());
        CollectionAssert.AreEqual(new long[] { 1, 0 }, Tensor("bool").ToInt64s());
        Assert.AreEqual(1, Tensor("float16").ToFloats().Single());
        Assert.AreEqual(1, Tensor("bfloat16").ToFloats().Single());
        CollectionAssert.AreEqual(new byte[] { 0x21, 0x0F }, Tensor("int4").Data.ToBytes());
        CollectionAssert.AreEqual(new byte[] { 0xE4, 0x01 }, Tensor("uint2").Data.ToBytes());
        CollectionAssert.AreEqual(new[] { uint.MaxValue }, Tensor("uint32").ToArray<uint>());
        CollectionAssert.AreEqual(new[] { ulong.MaxValue }, Tensor("uint64").ToArray<ulong>());
        CollectionAssert.AreEqual(new[] { "ü", "" }, Tensor("string").Strings!.Select(text => Encoding.UTF8.GetString(text.Span)).ToArray());
        Assert.AreEqual("float32[0,7]", Tensor("empty").ToString());
        Assert.AreEqual(9, Tensor("scalar").ToInt64s().Single());
        Assert.AreEqual(5, model.Graph.FindValue("sparse_weight")!.SparseInitializer!.Values.ToFloats()[0]);
    }

    [TestMethod]
    public void Large_tensors_stay_in_their_files_and_small_ones_do_not()
    {
        using var folder = new TempFolder();
        var path = folder.File("everything.onnx");
        File.WriteAllBytes(path, EverythingModel.Create(folder.Path).ToByteArray());
        using var model = Model.Load(path);

        Assert.IsInstanceOfType<MemoryData>(model.Graph.FindValue("raw_data")!.Initializer!.Data);
        var embedded = (FileData)model.Graph.FindValue("large_raw_data")!.Initializer!.Data;
        var external = (FileData)model.Graph.FindValue("external")!.Initializer!.Data;
        Assert.AreEqual((path, 20_000L), (embedded.File.Path, embedded.Length));
        Assert.AreEqual((folder.File(EverythingModel.WeightFile), 4000L, 8000L), (external.File.Path, external.Offset, external.Length));
        Assert.AreEqual(1000 * 0.25f, model.Graph.FindValue("external")!.Initializer!.ToFloats()[0]);
        Assert.AreEqual(4999 * 0.25f, model.Graph.FindValue("large_raw_data")!.Initializer!.ToFloats()[^1]);
        using var view = external.View();
        CollectionAssert.AreEqual(external.ToBytes(), view.Span.ToArray());
    }

    [TestMethod]
    public void Nodes_in_any_order_are_sorted()
    {
        var proto = new ModelProto
        {
            IrVersion = 8,
            OpsetImport = { new OperatorSetIdProto { Version = 17 } },
            Graph = new GraphProto
            {
                Node = { new NodeProto { OpType = "Neg", Input = { "b" }, Output = { "c" } }, new NodeProto { OpType = "Abs", Input = { "a" }, Output = { "b" } } },
                Input = { new ValueInfoProto { Name = "a" } },
                Output = { new ValueInfoProto { Name = "c" } },
            },
        };

        using var model = Model.Parse(proto.ToByteArray());

        CollectionAssert.AreEqual(new[] { "Abs", "Neg" }, model.Graph.Nodes.Select(node => node.OpType).ToArray());
    }

    [TestMethod]
    public void Attributes_without_a_type_get_the_one_of_their_value()
    {
        var proto = EverythingModel.Create();
        foreach (var attribute in proto.Graph.Node[2].Attribute)
        {
            if (attribute.CalculateSize() > new AttributeProto { Name = attribute.Name, Type = attribute.Type }.CalculateSize())
            {
                attribute.ClearType();
            }
        }

        using var model = Model.Parse(proto.ToByteArray());

        CollectionAssert.AreEqual(EverythingModel.Create().Graph.Node[2].Attribute.Select(attribute => (int)attribute.Type).ToArray(),
            model.Graph.Nodes[2].Attributes.Select(attribute => (int)attribute.Kind).ToArray());
    }
}
