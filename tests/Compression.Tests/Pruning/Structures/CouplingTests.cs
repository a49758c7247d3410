using CompressTool.Compression.Tests.Quantization;
using CompressTool.Onnx;
using CompressTool.Runtime;
using CompressTool.Testing.Models;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>Small graphs in which channels take ways that are easily misjudged, each with the groups that are right and held against masking.</summary>
[TestClass]
public sealed class CouplingTests
{
    private const int Cases = 15;

    /// <summary>For an input [2, 4, 4, 4] that a convolution "a" makes 12 channels of, and a last one "z" reads.</summary>
    private static readonly Dictionary<string, (Func<ChannelGraph, Value, Value> Graph, string Expected)> s_cases = new()
    {
        ["plain"] = ((b, x) => b.Op("Relu", x), "a 12"),
        ["shuffle in two"] = ((b, x) => b.Reshape(b.Transpose(b.Reshape(x, 2, 2, 6, 4, 4), 0, 2, 1, 3, 4), 2, 12, 4, 4), "a 6"),
        ["shuffle in three"] = ((b, x) => b.Reshape(b.Transpose(b.Reshape(x, 2, 3, 4, 4, 4), 0, 2, 1, 3, 4), 2, 12, 4, 4), "a 4"),
        ["pixel shuffle"] = ((b, x) => b.Op("DepthToSpace", [x], Attribute.Int("blocksize", 2), Attribute.String("mode", "CRD")), "a 3"),
        ["pixel shuffle, blocks first"] = ((b, x) => b.Op("DepthToSpace", [x], Attribute.Int("blocksize", 2)), "a 3"),
        ["pixels to channels"] = ((b, x) => b.Op("SpaceToDepth", [x], Attribute.Int("blocksize", 2)), "a 12"),
        ["halves gate each other"] = ((b, x) => b.Op("Mul", b.Slice(x, 1, 0, 6), b.Op("Sigmoid", b.Slice(x, 1, 6, long.MaxValue))), "a 6"),
        ["slice with a negative end"] = ((b, x) => b.Op("Relu", b.Slice(x, 1, 2, -2)), "a 12"),
        ["every second channel"] = ((b, x) => b.Op("Relu", b.Slice(x, 1, 0, long.MaxValue, 2)), "a 6"),
        ["every third channel from the second on"] = ((b, x) => b.Op("Relu", b.Slice(x, 1, 4, long.MaxValue, 3)), "a 4"),
        ["backwards"] = ((b, x) => b.Op("Relu", b.Slice(x, 1, -1, long.MinValue, -1)), ""),
        ["concat with itself"] = ((b, x) => b.Op("Concat", [x, b.Op("Relu", x)], Attribute.Int("axis", 1)), "a 12"),
        ["concat with a constant channel"] = ((b, x) => b.Op("Concat", [x, b.Float("extra", 2, 3, 4, 4)], Attribute.Int("axis", 1)), "a 12"),
        ["tile"] = ((b, x) => b.Op("Tile", x, b.Numbers(1, 2, 1, 1)), "a 12"),
        ["split into unequal parts"] = ((b, x) => b.Split(x, 4, 8), "a 12"),
        ["resize by sizes"] = ((b, x) => b.Op("Resize", [x, null, null, b.Numbers(2, 12, 8, 8)], Attribute.String("mode", "nearest")), "a 12"),
        ["pad of places"] = ((b, x) => b.Op("Pad", x, b.Numbers(0, 0, 1, 1, 0, 0, 1, 1)), "a 12"),
        ["pad of channels"] = ((b, x) => b.Op("Pad", x, b.Numbers(0, 1, 0, 0, 0, 1, 0, 0)), ""),
        ["softmax over channels"] = ((b, x) => b.Op("Softmax", [x], Attribute.Int("axis", 1)), ""),
        ["scale of the number of channels"] = ((b, x) => b.Op("Div", x, b.Op("Sqrt", b.Op("Cast", [b.Op("Gather", b.Op("Shape", x), b.Numbers(1))], Attribute.Int("to", (long)DataType.Float)))), "a 12"),
        ["expanded scale"] = ((b, x) => b.Op("Mul", x, b.Op("Expand", b.Float("scale", 12, 1, 1), b.Numbers(2, 12, 4, 4))), "a 12"),
        ["picked channels"] = ((b, x) => b.Op("Gather", [x, b.Numbers(3, 1, 7, 3)], Attribute.Int("axis", 1)), "a 12"),
        ["half of it shuffled"] = ((b, x) => b.Op("Concat", [b.Slice(x, 1, 0, 4), b.Reshape(b.Transpose(b.Reshape(b.Slice(x, 1, 4, 12), 2, 2, 4, 4, 4), 0, 2, 1, 3, 4), 2, 8, 4, 4)], Attribute.Int("axis", 1)), "a 8"),
        ["spread over places"] = ((b, x) => b.Reshape(x, 2, 3, 8, 8), "a 3"),
    };

    public static IEnumerable<object[]> Names => s_cases.Keys.Select(name => new object[] { name });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Channels_go_as_they_lie(string name)
    {
        using var model = new Model();
        new ChannelGraph(model).Build(s_cases[name].Graph);
        var inputs = new Dictionary<string, Tensor> { ["x"] = RandomTensors.Normal("x", 0, 1, 2, 4, 4, 4) };
        var bench = new StructureBench(model);
        var (same, dependencies) = bench.Analyze();
        using var _ = same;
        var groups = StructureBench.GroupsOf(dependencies);

        Assert.AreEqual(s_cases[name].Expected, string.Join(", ", groups.Select(group => $"{group.Name} {group.Length}")), string.Join("; ", dependencies.Fixed.Select(channels => channels.Reason)));
        Assert.IsTrue(dependencies.Fixed.Any(channels => channels.Name == "z" && channels.Reason.Contains("reaches the output", StringComparison.Ordinal)));
        using var whole = bench.OpenWhole();
        var random = new Random(3);
        for (var index = 0; index < Cases && groups.Length > 0; index++)
        {
            var choice = RandomChoice.Of(groups, random, _ => true);
            var expected = whole.Run(inputs, StructureBench.Masked(dependencies, choice));
            using var cut = bench.Cut(choice);
            var actual = ModelRunner.Run(StructureBench.AssertValid(cut), inputs, GraphOptimizationLevel.DisableAll)["y"].ToFloats();

            Assert.HasCount(expected.Length, actual);
            Assert.IsLessThan(1e-5 * expected.Max(Math.Abs), expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max(), StructureBench.Describe(groups, choice));
        }
    }
}
