using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Native;
using CompressTool.Runtime.Tests.Support;

namespace CompressTool.Runtime.Tests;

[TestClass]
public sealed unsafe class OrtValueTests
{
    [TestMethod]
    public void Tensor_over_managed_memory_is_that_memory()
    {
        float[] data = [0, 1, 2, 3, 4, 5, 6];
        using var value = OrtValue.CreateTensorValueFromMemory(data.AsMemory(1), [2, 3]);
        data[1] = 42;
        value.GetTensorMutableDataAsSpan<float>()[5] = 43;

        Assert.AreSequenceEqual([42f, 2, 3, 4, 5, 43], value.GetTensorDataAsSpan<float>().ToArray());
        Assert.AreEqual(43, data[6]);
        Assert.AreEqual((nint)Unsafe.AsPointer(ref data[1]), value.DataPointer);
        Assert.AreEqual("float32[2,3]", value.ToString());
        Assert.AreEqual(6, value.ElementCount);
        Assert.AreEqual(24, value.ByteLength);
        Assert.IsTrue(value.IsOnCpu);
    }

    [TestMethod]
    public void Tensor_over_native_memory_is_that_memory()
    {
        var memory = (long*)NativeMemory.Alloc(16);
        try
        {
            using var value = OrtValue.CreateTensorValueWithData(OrtMemoryInfo.Cpu, DataType.Int64, [2], (nint)memory, 16);
            memory[1] = 7;

            Assert.AreEqual(7, value.GetTensorDataAsSpan<long>()[1]);
            Assert.AreEqual((nint)memory, value.DataPointer);
        }
        finally
        {
            NativeMemory.Free(memory);
        }
    }

    [TestMethod]
    [DataRow(DataType.Float, 4)]
    [DataRow(DataType.Double, 8)]
    [DataRow(DataType.Float16, 2)]
    [DataRow(DataType.BFloat16, 2)]
    [DataRow(DataType.Int8, 1)]
    [DataRow(DataType.UInt8, 1)]
    [DataRow(DataType.Int16, 2)]
    [DataRow(DataType.UInt16, 2)]
    [DataRow(DataType.Int32, 4)]
    [DataRow(DataType.UInt32, 4)]
    [DataRow(DataType.Int64, 8)]
    [DataRow(DataType.UInt64, 8)]
    [DataRow(DataType.Bool, 1)]
    [DataRow(DataType.Float8E4M3FN, 1)]
    [DataRow(DataType.Float8E4M3FNUZ, 1)]
    [DataRow(DataType.Float8E5M2, 1)]
    [DataRow(DataType.Float8E5M2FNUZ, 1)]
    public void Tensor_can_be_allocated_and_its_type_read_back(DataType type, int size)
    {
        using var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.Default, type, [3, 2]);
        value.GetTensorMutableDataAsSpan<byte>().Fill(1);

        Assert.AreEqual(6 * size, value.GetTensorDataAsSpan<byte>().Length);
        Assert.AreEqual(type, ReadNatively(value));
    }

    [TestMethod]
    [DataRow(DataType.UInt4, 2)]
    [DataRow(DataType.Int4, 2)]
    public void Packed_tensors_take_raw_bytes(DataType type, int bytes)
    {
        using var value = OrtValue.CreateTensorValueFromMemory(type, new byte[bytes], [3]);

        Assert.AreEqual(bytes, value.ByteLength);
        Assert.AreEqual(type, ReadNatively(value));
    }

    [TestMethod]
    public void Element_types_are_translated_both_ways()
    {
        foreach (var type in Enum.GetValues<DataType>())
        {
            Assert.AreEqual(type, ElementTypes.FromNative(ElementTypes.ToNative(type)));
        }

        // The numbers in ONNX Runtime's header, where they differ from the format's.
        Assert.AreEqual(24, ElementTypes.ToNative(DataType.UInt2));
        Assert.AreEqual(25, ElementTypes.ToNative(DataType.Int2));
        Assert.AreEqual(26, ElementTypes.ToNative(DataType.Float8E8M0));
    }

    [TestMethod]
    public void Half_and_bits_of_16_bit_floats_are_readable()
    {
        using var half = OrtValue.CreateTensorValueFromMemory([(Half)1.5f], [1]);
        using var bfloat = OrtValue.CreateTensorValueFromMemory(DataType.BFloat16, new byte[] { 0xC0, 0x3F }, [1]);

        Assert.AreEqual((Half)1.5f, half.GetTensorDataAsSpan<Half>()[0]);
        Assert.AreEqual(BitConverter.HalfToUInt16Bits((Half)1.5f), half.GetTensorDataAsSpan<ushort>()[0]);
        Assert.AreEqual(0x3FC0, bfloat.GetTensorDataAsSpan<ushort>()[0]);
        Assert.ThrowsExactly<InvalidOperationException>(() => half.GetTensorDataAsSpan<float>().ToArray());
        Assert.ThrowsExactly<InvalidOperationException>(() => half.GetTensorDataAsSpan<short>().ToArray());
    }

    [TestMethod]
    public void Scalars_and_empty_tensors_are_tensors()
    {
        using var scalar = OrtValue.CreateTensorValueFromMemory([5L], []);
        using var empty = OrtValue.CreateTensorValueFromMemory(Array.Empty<float>(), [0, 4]);
        using var session = new InferenceSession(TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4)));
        using var outputs = session.Run(new Dictionary<string, OrtValue> { ["x"] = empty });

        Assert.IsEmpty(scalar.Shape);
        Assert.AreEqual(1, scalar.ElementCount);
        Assert.AreSequenceEqual([0L, 4], outputs[0].Shape);
        Assert.AreEqual(0, outputs[0].GetTensorDataAsSpan<float>().Length);
    }

    [TestMethod]
    public void Strings_are_written_and_read()
    {
        string[] strings = ["a", "", "größer\0than", "日本"];
        using var value = OrtValue.CreateFromStrings(["a", "", "größer", "日本"], [2, 2]);
        using var none = OrtValue.CreateFromStrings([], [0]);

        Assert.AreSequenceEqual(["a", "", "größer", "日本"], value.GetStringTensorAsArray());
        Assert.AreEqual(DataType.String, ReadNatively(value));
        Assert.IsEmpty(none.GetStringTensorAsArray());
        Assert.ThrowsExactly<InvalidOperationException>(() => value.GetTensorDataAsSpan<byte>().ToArray());
        Assert.Throws<ArgumentException>(() => OrtValue.CreateFromStrings(strings, [4])); // C strings end at NUL
    }

    [TestMethod]
    public void Shape_that_does_not_fit_the_data_is_invalid_input()
    {
        foreach (var shape in new long[][] { [3], [2, 2, 2], [-1, 4], [long.MaxValue, 4], [0] })
        {
            var exception = Assert.ThrowsExactly<CompressToolException>(() => OrtValue.CreateTensorValueFromMemory(new float[4], shape));
            Assert.AreSame(RuntimeErrors.InvalidInput, exception.Code);
        }

        Assert.AreSame(RuntimeErrors.InvalidInput, Assert.ThrowsExactly<CompressToolException>(() => OrtValue.CreateFromStrings(["a"], [2])).Code);
    }

    [TestMethod]
    public void Sequence_is_not_a_tensor()
    {
        var graph = TinyModel.Graph([TinyModel.Node("SequenceConstruct", ["x"], ["s"])], [TinyModel.Value("x", DataType.Float, 1)], [TinyModel.Sequence("s", DataType.Float)]);
        using var session = new InferenceSession(TinyModel.Model(graph));
        using var x = OrtValue.CreateTensorValueFromMemory([1f], [1]);
        using var outputs = session.Run(new Dictionary<string, OrtValue> { ["x"] = x });

        Assert.IsFalse(outputs[0].IsTensor);
        Assert.AreEqual("Sequence", outputs[0].ToString());
        Assert.ThrowsExactly<InvalidOperationException>(() => outputs[0].Shape);
    }

    [TestMethod]
    public void Pinned_memory_is_released_with_the_value()
    {
        var weak = Create(out var value);
        GC.Collect();
        Assert.IsTrue(weak.IsAlive);

        value.Dispose();
        GC.Collect();
        Assert.IsFalse(weak.IsAlive);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Create(out OrtValue value)
        {
            var data = new float[4];
            value = OrtValue.CreateTensorValueFromMemory(data, [4]);
            return new WeakReference(data);
        }
    }

    [TestMethod]
    public void Forgotten_value_is_finalized_with_its_memory()
    {
        var weak = Create();
        for (var i = 0; i < 10 && weak.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.IsFalse(weak.IsAlive);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Create()
        {
            var data = new float[4];
            _ = OrtValue.CreateTensorValueFromMemory(data, [4]);
            return new WeakReference(data);
        }
    }

    // What ONNX Runtime says, not what the value remembers.
    private static DataType ReadNatively(OrtValue value)
    {
        using var lease = value.Handle.Acquire();
        nint info;
        OrtStatus.Check(OrtLibrary.Api->GetTensorTypeAndShape(lease.Pointer, &info), "Reading");
        var type = TensorTypeInfo.ReadElementType(info);
        OrtLibrary.Api->ReleaseTensorTypeAndShapeInfo(info);
        return type;
    }
}
