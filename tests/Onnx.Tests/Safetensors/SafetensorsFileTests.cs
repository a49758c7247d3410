using System.Buffers.Binary;
using System.Text;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Tests.Safetensors;

[TestClass]
public sealed class SafetensorsFileTests
{
    [TestMethod]
    public void Files_are_written_back_byte_for_byte()
    {
        using var folder = new TempFolder();
        var copy = folder.File("copy.safetensors");
        foreach (var path in TestFiles.All("*.safetensors"))
        {
            using var file = SafetensorsFile.Open(path);

            var saved = SafetensorsFile.Write(copy, file.Names.Reverse().Select(name => KeyValuePair.Create(name, file[name])), file.Metadata);

            CollectionAssert.AreEqual(File.ReadAllBytes(path), File.ReadAllBytes(copy), path);
            Assert.AreEqual(new FileInfo(path).Length, saved.Length);
        }
    }

    [TestMethod]
    public void Open_gives_names_metadata_and_tensors_that_stay_in_the_file()
    {
        using var file = SafetensorsFile.Open(Repository.Fixture("unet2d-cifarstyle", "unet", "diffusion_pytorch_model.safetensors"));

        Assert.AreEqual("pt", file.Metadata["format"]);
        Assert.AreEqual(177_427, file.Names.Sum(name => file[name].Count));
        Assert.AreEqual("float32[16,3,3,3]", file["conv_in.weight"].ToString());
        Assert.IsInstanceOfType<FileData>(file["conv_in.weight"].Data);
        Assert.IsFalse(file.TryGet("conv_in.weigth", out _));
    }

    [TestMethod]
    public void Every_element_type_survives_aligned()
    {
        using var folder = new TempFolder();
        var path = folder.File("all.safetensors");
        DataType[] types =
        [
            DataType.Bool, DataType.Float4E2M1, DataType.Int8, DataType.UInt8, DataType.Int16, DataType.UInt16, DataType.Int32, DataType.UInt32,
            DataType.Int64, DataType.UInt64, DataType.Float16, DataType.BFloat16, DataType.Float, DataType.Double, DataType.Float8E4M3FN,
            DataType.Float8E5M2, DataType.Float8E8M0, DataType.Complex64,
        ];
        var tensors = types.ToDictionary(type => $"näme \"{type}\"", type =>
            new Tensor(type, [3, 1], new MemoryData(Enumerable.Range((int)type, (int)type.ByteSize(3)).Select(value => (byte)value).ToArray())));
        tensors["empty"] = new Tensor(DataType.Float, [0, 4], new MemoryData(default));

        SafetensorsFile.Write(path, tensors);
        using var file = SafetensorsFile.Open(path);

        CollectionAssert.AreEquivalent(tensors.Keys, file.Names.ToList());
        foreach (var (name, tensor) in tensors)
        {
            Assert.AreEqual(tensor.ToString(), file[name].ToString());
            CollectionAssert.AreEqual(tensor.Data.ToBytes(), file[name].Data.ToBytes());
            Assert.AreEqual(0, ((FileData)file[name].Data).Offset % Math.Max(1, tensor.Type.BitSize() / 8));
        }
    }

    [TestMethod]
    public void A_file_without_tensors_is_valid()
    {
        using var folder = new TempFolder();
        SafetensorsFile.Write(folder.File("none.safetensors"), []);

        using var file = SafetensorsFile.Open(folder.File("none.safetensors"));

        Assert.IsEmpty(file.Names);
        Assert.IsEmpty(file.Metadata);
    }

    [TestMethod]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "CMP2002", "starts at byte 0, but the one before ends at 4")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "CMP2002", "starts at byte 4")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "CMP2002", "starts at byte 4, but the one before ends at 0")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 8, "CMP2002", "4 bytes of it belong to no tensor")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "CMP2002", "it ends inside its tensor 'a'")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "CMP2002", "takes 8 bytes, not 4")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "CMP2002", "takes 4 bytes, not -4")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", 4, "CMP2002", "impossible number")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "CMP2002", "impossible number")]
    [DataRow("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "CMP2002", "impossible number")]
    [DataRow("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}""", 4, "CMP2002", "")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "CMP2002", "it has 'a' twice")]
    [DataRow("""{"__metadata__":{"a":"1","a":"2"}}""", 0, "CMP2002", "metadata has 'a' twice")]
    [DataRow("""{"__metadata__":{"a":1}}""", 0, "CMP2002", "header is damaged")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1]}}""", 4, "CMP2002", "no type, shape or place")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"stride":[1]}}""", 4, "CMP2002", "unexpected 'stride'")]
    [DataRow("""{"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}}""", 4, "CMP2002", "header is damaged")]
    [DataRow("""{"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}""", 3, "CMP2007", "'F6_E2M3'")]
    [DataRow("""{"a":{"dtype":"F32","shape":[[[[[1]]]]],"data_offsets":[0,4]}}""", 4, "CMP2002", "header is damaged")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}""", 4, "CMP2002", "header is damaged")]
    [DataRow("""{} {}""", 0, "CMP2002", "header is damaged")]
    [DataRow("""[]""", 0, "CMP2002", "header is damaged")]
    [DataRow("""{"\ud800":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}""", 4, "CMP2002", "header is damaged")]
    [DataRow("", 0, "CMP2002", "header is damaged")]
    public void Hostile_headers_are_refused(string header, int dataLength, string code, string message)
    {
        using var folder = new TempFolder();
        var path = folder.File("hostile.safetensors");
        File.WriteAllBytes(path, [.. Length((ulong)Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header), .. new byte[dataLength]]);

        Expect(code, path, message);
    }

    [TestMethod]
    [DataRow(100_000_001UL, "the format allows 100000000")]
    [DataRow(ulong.MaxValue, "the format allows 100000000")]
    [DataRow(99UL, "it ends inside its header")]
    public void Impossible_header_lengths_are_refused(ulong length, string message)
    {
        using var folder = new TempFolder();
        var path = folder.File("length.safetensors");
        File.WriteAllBytes(path, [.. Length(length), .. "{}"u8]);

        Expect("CMP2002", path, message);
    }

    [TestMethod]
    public void Files_that_are_not_safetensors_are_refused()
    {
        using var folder = new TempFolder();

        Expect("CMP2001", folder.File("missing.safetensors"), "does not exist");
        Expect("CMP2009", folder.Path, "is a folder");
        Expect("CMP2002", folder.Write("empty.safetensors", ""), "it is empty");
        Expect("CMP2002", folder.Write("pointer.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"), "git lfs pull");
    }

    [TestMethod]
    public void Truncated_files_are_refused()
    {
        using var folder = new TempFolder();
        var whole = File.ReadAllBytes(Repository.Fixture("unet2d-cifarstyle", "unet", "diffusion_pytorch_model.safetensors"));
        for (var length = 0; length < whole.Length; length += 10_007)
        {
            var path = folder.File("cut.safetensors");
            File.WriteAllBytes(path, whole[..length]);
            Expect("CMP2002", path, "");
        }
    }

    [TestMethod]
    public void Writing_what_the_format_lacks_is_refused_and_leaves_the_old_file()
    {
        using var folder = new TempFolder();
        var path = folder.Write("x.safetensors", "old");
        var one = Tensor.Float(1);

        ExpectWrite("CMP2007", "int4", KeyValuePair.Create("a", new Tensor(DataType.Int4, [2], new MemoryData(new byte[1]))));
        ExpectWrite("CMP2007", "given to two tensors", KeyValuePair.Create("a", one), KeyValuePair.Create("a", one));
        ExpectWrite("CMP2007", "not allowed", KeyValuePair.Create("__metadata__", one));
        Assert.ThrowsExactly<OperationCanceledException>(() => SafetensorsFile.Write(path,
            [KeyValuePair.Create("a", new Tensor(DataType.Float, [1], new ComputedData(4, _ => throw new OperationCanceledException())))]));

        Assert.AreEqual("old", File.ReadAllText(path));
        Assert.HasCount(1, Directory.GetFileSystemEntries(folder.Path));

        void ExpectWrite(string code, string message, params KeyValuePair<string, Tensor>[] tensors)
        {
            var error = Assert.ThrowsExactly<CompressToolException>(() => SafetensorsFile.Write(path, tensors));
            Assert.AreEqual(code, error.Code.Id);
            StringAssert.Contains(error.Message, path);
            StringAssert.Contains(error.Message, message);
        }
    }

    private static void Expect(string code, string path, string message)
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => SafetensorsFile.Open(path));
        Assert.AreEqual(code, error.Code.Id, error.Message);
        StringAssert.Contains(error.Message, path);
        StringAssert.Contains(error.Message, message);
    }

    private static byte[] Length(ulong length)
    {
        var bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        return bytes;
    }
}
