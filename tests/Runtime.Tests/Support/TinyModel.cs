using System.Text;
using CompressTool.Onnx;

namespace CompressTool.Runtime.Tests.Support;

/// <summary>Writes small ONNX models byte by byte, so that these tests depend on no other layer.</summary>
internal static class TinyModel
{
    public static byte[] Model(byte[] graph, int opset = 17, params (string Key, string Value)[] metadata) =>
        [.. Varint(1, 8), .. Text(2, "tests"), .. Text(6, "a tiny model"), .. Varint(5, 3), .. Bytes(7, graph),
         .. Bytes(8, [.. Text(1, ""), .. Varint(2, opset)]), .. Bytes(8, [.. Text(1, "com.microsoft"), .. Varint(2, 1)]),
         .. metadata.SelectMany(entry => Bytes(14, [.. Text(1, entry.Key), .. Text(2, entry.Value)]))];

    public static byte[] Graph(IEnumerable<byte[]> nodes, IEnumerable<byte[]> inputs, IEnumerable<byte[]> outputs, params byte[][] initializers) =>
        [.. nodes.SelectMany(node => Bytes(1, node)), .. Text(2, "graph"), .. initializers.SelectMany(tensor => Bytes(5, tensor)),
         .. inputs.SelectMany(input => Bytes(11, input)), .. outputs.SelectMany(output => Bytes(12, output))];

    public static byte[] Node(string type, string[] inputs, string[] outputs, string name = "", string domain = "", params byte[][] attributes) =>
        [.. inputs.SelectMany(input => Text(1, input)), .. outputs.SelectMany(output => Text(2, output)), .. Text(3, name), .. Text(4, type), .. Text(7, domain),
         .. attributes.SelectMany(attribute => Bytes(5, attribute))];

    public static byte[] GraphAttribute(string name, byte[] graph) => [.. Text(1, name), .. Bytes(6, graph), .. Varint(20, 5)];

    /// <summary>A tensor input or output; a dimension is a number or a symbol.</summary>
    public static byte[] Value(string name, DataType type, params object[] dims) =>
        [.. Text(1, name), .. Bytes(2, Bytes(1, [.. Varint(1, (int)type), .. Bytes(2, [.. dims.SelectMany(dim => Bytes(1, dim is string symbol ? Text(2, symbol) : Varint(1, Convert.ToInt64(dim, null))))])]))];

    /// <summary>A tensor input or output of unknown rank.</summary>
    public static byte[] Unranked(string name, DataType type) => [.. Text(1, name), .. Bytes(2, Bytes(1, Varint(1, (int)type)))];

    /// <summary>A sequence of tensors.</summary>
    public static byte[] Sequence(string name, DataType type) => [.. Text(1, name), .. Bytes(2, Bytes(4, Bytes(1, Bytes(1, Varint(1, (int)type)))))];

    public static byte[] Tensor(string name, long[] dims, params float[] values) =>
        [.. dims.SelectMany(dim => Varint(1, dim)), .. Varint(2, (int)DataType.Float), .. Text(8, name), .. Bytes(9, [.. values.SelectMany(BitConverter.GetBytes)])];

    /// <summary>A float tensor whose data is in a file beside the model.</summary>
    public static byte[] External(string name, long[] dims, string location, long offset, long length) =>
        [.. dims.SelectMany(dim => Varint(1, dim)), .. Varint(2, (int)DataType.Float), .. Text(8, name), .. Entry("location", location), .. Entry("offset", $"{offset}"), .. Entry("length", $"{length}"), .. Varint(14, 1)];

    /// <summary><c>y = x + w</c> over [n, 4].</summary>
    public static byte[] Add(byte[] w) =>
        Model(Graph([Node("Add", ["x", "w"], ["y"], "add")], [Value("x", DataType.Float, "n", 4)], [Value("y", DataType.Float, "n", 4)], w));

    /// <summary>Multiplies a [256, 256] matrix a number of times that is given on each run, node by node: as long a run as wanted.</summary>
    public static byte[] LongLoop()
    {
        var weights = new float[256 * 256];
        Array.Fill(weights, 1 / 256f);
        var body = Graph(
            [Node("Identity", ["go"], ["goOn"], "identity"), Node("MatMul", ["a", "w"], ["b"], "matmul")],
            [Value("i", DataType.Int64), Value("go", DataType.Bool), Value("a", DataType.Float, 256, 256)],
            [Value("goOn", DataType.Bool), Value("b", DataType.Float, 256, 256)]);
        return Model(Graph(
            [Node("Loop", ["trips", "", "x"], ["y"], "loop", "", GraphAttribute("body", body))],
            [Value("trips", DataType.Int64), Value("x", DataType.Float, 256, 256)],
            [Value("y", DataType.Float, 256, 256)],
            Tensor("w", [256, 256], weights)));
    }

    private static byte[] Entry(string key, string value) => Bytes(13, [.. Text(1, key), .. Text(2, value)]);

    private static byte[] Text(int field, string text) => Bytes(field, Encoding.UTF8.GetBytes(text));

    private static byte[] Bytes(int field, byte[] content) => [.. Raw(((ulong)field << 3) | 2), .. Raw((ulong)content.Length), .. content];

    private static byte[] Varint(int field, long value) => [.. Raw((ulong)field << 3), .. Raw((ulong)value)];

    private static IEnumerable<byte> Raw(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            yield return (byte)(value | 0x80);
        }

        yield return (byte)value;
    }
}
