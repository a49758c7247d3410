namespace CompressTool.Onnx.Tests;

[TestClass]
public sealed class DataTypeTests
{
    [TestMethod]
    [DataRow(DataType.Float, 3L, 12L)]
    [DataRow(DataType.Int4, 3L, 2L)]
    [DataRow(DataType.UInt2, 5L, 2L)]
    [DataRow(DataType.Float16, 0L, 0L)]
    public void ByteSize_packs_small_types(DataType type, long elements, long bytes) => Assert.AreEqual(bytes, type.ByteSize(elements));
}
