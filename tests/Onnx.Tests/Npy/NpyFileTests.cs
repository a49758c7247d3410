using System.Buffers.Binary;
using System.Text;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Tests.Npy;

[TestClass]
public sealed class NpyFileTests
{
    [TestMethod]
    public void Files_made_by_NumPy_are_written_back_byte_for_byte()
    {
        using var folder = new TempFolder();
        var copy = folder.File("copy.npy");
        foreach (var path in TestFiles.All("*.npy"))
        {
            var saved = NpyFile.Write(copy, NpyFile.Read(path));

            CollectionAssert.AreEqual(File.ReadAllBytes(path), File.ReadAllBytes(copy), path);
            Assert.AreEqual(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(copy))), saved.Sha256);
        }
    }

    [TestMethod]
    public void Read_gives_type_shape_and_elements()
    {
        var timestep = NpyFile.Read(Repository.Fixture("unet2d", "io", "timestep.npy"));

        Assert.AreEqual("int64[2]", timestep.ToString());
        CollectionAssert.AreEqual(new long[] { 37, 801 }, timestep.ToInt64s());
    }

    [TestMethod]
    [DataRow("|b1", DataType.Bool, 1)]
    [DataRow("|i1", DataType.Int8, 1)]
    [DataRow("|u1", DataType.UInt8, 1)]
    [DataRow("<i2", DataType.Int16, 2)]
    [DataRow("<u2", DataType.UInt16, 2)]
    [DataRow("<f2", DataType.Float16, 2)]
    [DataRow("<i4", DataType.Int32, 4)]
    [DataRow("<u4", DataType.UInt32, 4)]
    [DataRow("<f4", DataType.Float, 4)]
    [DataRow("<i8", DataType.Int64, 8)]
    [DataRow("<u8", DataType.UInt64, 8)]
    [DataRow("<f8", DataType.Double, 8)]
    [DataRow("<c8", DataType.Complex64, 8)]
    [DataRow("<c16", DataType.Complex128, 16)]
    public void Every_number_type_is_read_and_written(string descr, DataType type, int size)
    {
        using var folder = new TempFolder();
        var elements = Enumerable.Range(1, 6 * size).Select(value => (byte)value).ToArray();
        var path = Write(folder, 1, $"{{'descr': '{descr}', 'fortran_order': False, 'shape': (2, 3), }}", elements);

        var tensor = NpyFile.Read(path);
        NpyFile.Write(folder.File("again.npy"), tensor);

        Assert.AreEqual(type, tensor.Type);
        CollectionAssert.AreEqual(new long[] { 2, 3 }, tensor.Dims.ToArray());
        CollectionAssert.AreEqual(elements, tensor.Data.ToBytes());
        CollectionAssert.AreEqual(elements, NpyFile.Read(folder.File("again.npy")).Data.ToBytes());
        StringAssert.Contains(File.ReadAllText(folder.File("again.npy"), Encoding.Latin1), $"'descr': '{descr}'");
    }

    [TestMethod]
    [DataRow(1, "{'descr': '<i4', 'fortran_order': False, 'shape': (), }", "")]
    [DataRow(2, "{\"shape\":(1L,),\"descr\":\"=i4\",\"fortran_order\":False}\n", "1")]
    [DataRow(3, "{ 'fortran_order' : False , 'descr' : 'i4' , 'shape' : ( 1 , 1 ) }  \n", "1,1")]
    public void Every_version_and_way_of_writing_the_header_is_read(int version, string header, string dims)
    {
        using var folder = new TempFolder();

        var tensor = NpyFile.Read(Write(folder, version, header, [7, 0, 0, 0]));

        Assert.AreEqual($"int32[{dims}]", tensor.ToString());
        CollectionAssert.AreEqual(new long[] { 7 }, tensor.ToInt64s());
    }

    [TestMethod]
    public void Fortran_order_becomes_C_order()
    {
        // numpy.asfortranarray(numpy.arange(24).reshape(2, 3, 4)): the first index runs fastest in the file.
        using var folder = new TempFolder();
        var stored = new byte[24];
        for (var i = 0; i < 2; i++)
        {
            for (var j = 0; j < 3; j++)
            {
                for (var k = 0; k < 4; k++)
                {
                    stored[i + (2 * (j + (3 * k)))] = (byte)((((i * 3) + j) * 4) + k);
                }
            }
        }

        var tensor = NpyFile.Read(Write(folder, 1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }", stored));

        CollectionAssert.AreEqual(Enumerable.Range(0, 24).Select(value => (byte)value).ToArray(), tensor.ToArray<byte>());
    }

    [TestMethod]
    public void A_large_array_stays_in_its_file()
    {
        using var folder = new TempFolder();
        const int Length = (64 << 20) + 4;
        var path = Write(folder, 1, $"{{'descr': '|u1', 'fortran_order': False, 'shape': ({Length},), }}", []);
        using (var file = File.OpenWrite(path))
        {
            file.SetLength(file.Length + Length);
            file.Seek(-1, SeekOrigin.End);
            file.WriteByte(9);
        }

        var tensor = NpyFile.Read(path);
        var last = new byte[1];
        tensor.Data.Read(Length - 1, last);

        Assert.IsInstanceOfType<FileData>(tensor.Data);
        Assert.AreEqual(9, last[0]);
        ((FileData)tensor.Data).File.Dispose();
    }

    [TestMethod]
    [DataRow("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "CMP2007", "big-endian")]
    [DataRow("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "CMP2007", "'|O'")]
    [DataRow("{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }", "CMP2007", "'<U4'")]
    [DataRow("{'descr': '', 'fortran_order': False, 'shape': (1,), }", "CMP2007", "''")]
    [DataRow("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "CMP2007", "records")]
    [DataRow("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "CMP2002", "takes 8 bytes, but 4 follow")]
    [DataRow("{'descr': '<f4', 'fortran_order': False, 'shape': (), } x", "CMP2002", "header is damaged")]
    [DataRow("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "CMP2002", "header is damaged")]
    [DataRow("{'descr': '<f4', 'fortran_order': False, 'shape': (1, }", "CMP2002", "header is damaged")]
    [DataRow("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }", "CMP2002", "header is damaged")]
    [DataRow("{'descr': '<f4', 'fortran_order': False}", "CMP2002", "header is damaged")]
    [DataRow("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "CMP2002", "header is damaged")]
    [DataRow("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "CMP2002", "")]
    [DataRow("{'descr': '<f4", "CMP2002", "header is damaged")]
    [DataRow("", "CMP2002", "header is damaged")]
    public void Damaged_or_foreign_files_are_refused(string header, string code, string message)
    {
        using var folder = new TempFolder();
        var path = Write(folder, 1, header, [0, 0, 128, 63]);

        Expect(code, path, message, () => NpyFile.Read(path));
    }

    [TestMethod]
    public void Files_cut_anywhere_are_refused()
    {
        using var folder = new TempFolder();
        var whole = File.ReadAllBytes(Repository.Fixture("unet2d", "io", "timestep.npy"));
        var path = folder.File("cut.npy");
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Expect("CMP2002", path, "", () => NpyFile.Read(path));
        }
    }

    [TestMethod]
    public void Files_that_are_not_npy_are_refused()
    {
        using var folder = new TempFolder();
        var pointer = folder.Write("pointer.npy", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
        var newer = Write(folder, 9, "{}", []);

        Expect("CMP2002", pointer, "git lfs pull", () => NpyFile.Read(pointer));
        Expect("CMP2007", newer, "version 9.0", () => NpyFile.Read(newer));
        Expect("CMP2001", folder.File("missing.npy"), "does not exist", () => NpyFile.Read(folder.File("missing.npy")));
        Expect("CMP2009", folder.Path, "is a folder", () => NpyFile.Read(folder.Path));
    }

    [TestMethod]
    public void Types_without_a_name_in_NumPy_are_refused_and_nothing_is_left_behind()
    {
        using var folder = new TempFolder();
        var path = folder.File("x.npy");

        Expect("CMP2007", path, "bfloat16", () => NpyFile.Write(path, Tensor.Create<ushort>(DataType.BFloat16, [1], [1])));
        Expect("CMP2008", folder.Path, "is a folder", () => NpyFile.Write(folder.Path, Tensor.Float(1)));
        Expect("CMP2008", folder.File("no", "x.npy"), "", () =>
        {
            Directory.Delete(Path.Combine(folder.Path, "no"));
            return NpyFile.Write(Path.Combine(folder.Path, "no", "x.npy"), Tensor.Float(1));
        });
        Assert.IsEmpty(Directory.GetFileSystemEntries(folder.Path));
    }

    private static void Expect(string code, string path, string message, Func<object> action)
    {
        var error = Assert.ThrowsExactly<CompressToolException>(action);
        Assert.AreEqual(code, error.Code.Id, error.Message);
        StringAssert.Contains(error.Message, path);
        StringAssert.Contains(error.Message, message);
    }

    private static string Write(TempFolder folder, int version, string header, byte[] data)
    {
        var path = folder.File($"{Guid.NewGuid():n}.npy");
        var length = new byte[version == 1 ? 2 : 4];
        if (version == 1)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)header.Length);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(length, (uint)header.Length);
        }

        File.WriteAllBytes(path, [0x93, .. "NUMPY"u8, (byte)version, 0, .. length, .. Encoding.ASCII.GetBytes(header), .. data]);
        return path;
    }
}
