using CompressTool.Compression.Pruning.Importance;
using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>Scales and shifts of normalisations are found however the normalisation is written; criteria count them.</summary>
[TestClass]
public sealed class NormalizationMemberTests
{
    private static readonly Dictionary<string, (Func<ChannelGraph, Value, Value> Graph, string Members)> s_cases = new()
    {
        ["batch normalisation"] = ((g, x) => g.Op("BatchNormalization", x, g.Float("scale", 12), g.Float("shift", 12), g.Float("mean", 12), g.Float("variance", 12)), "mean, scale, shift, variance"),
        ["group normalisation of an exporter"] = ((g, x) => g.Op("Add", g.Op("Mul", Groups(g, x), g.Float("scale", 12, 1, 1)), g.Float("shift", 12, 1, 1)), "scale, shift"),
        ["group normalisation, parameters reshaped"] = ((g, x) => g.Op("Add", g.Op("Mul", Groups(g, x), g.Reshape(g.Float("scale", 12), 12, 1, 1)), g.Reshape(g.Float("shift", 12), 12, 1, 1)), "scale, shift"),
        ["layer normalisation"] = ((g, x) => Last(g, x, y => g.Op("LayerNormalization", y, g.Float("scale", 12), g.Float("shift", 12))), "scale, shift"),
        ["layer normalisation without parameters, scaled"] = ((g, x) => Last(g, x, y => g.Op("Mul", g.Op("LayerNormalization", y, g.Float("ones", 12)), g.Float("scale", 12))), "ones, scale"),
        ["layer normalisation in steps"] = ((g, x) => Last(g, x, y =>
        {
            var centred = g.Op("Sub", y, Mean(g, y));
            return g.Op("Add", g.Op("Mul", g.Op("Div", centred, Root(g, centred)), g.Float("scale", 12)), g.Float("shift", 12));
        }), "scale, shift"),
        ["root mean square"] = ((g, x) => Last(g, x, y => g.Op("Mul", g.Float("scale", 12), g.Op("Div", y, Root(g, y)))), "scale"),
        ["root mean square by its inverse"] = ((g, x) => Last(g, x, y => g.Op("Mul", g.Op("Mul", y, g.Op("Reciprocal", Root(g, y))), g.Float("scale", 12))), "scale"),
        ["a scale without normalisation"] = ((g, x) => g.Op("Add", g.Op("Mul", g.Op("Relu", x), g.Float("scale", 12, 1, 1)), g.Float("shift", 12, 1, 1)), ""),
        ["a quotient by another root"] = ((g, x) => g.Op("Mul", g.Op("Div", x, g.Op("Sqrt", g.Op("Abs", x))), g.Float("scale", 12, 1, 1)), ""),
    };

    public static IEnumerable<object[]> Names => s_cases.Keys.Select(name => new object[] { name });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Scales_and_shifts_are_members(string name)
    {
        using var model = new Model();
        new ChannelGraph(model).Build(s_cases[name].Graph);
        var (same, dependencies) = new StructureBench(model).Analyze();
        using var _ = same;
        var members = dependencies.Groups.Single().Members;

        Assert.AreEqual(s_cases[name].Members, string.Join(", ", members.Where(member => member.Role == MemberRole.Normalization).Select(member => member.Weight.Name).Order()));
        Assert.AreEqual(
            string.Join(", ", s_cases[name].Members.Split(", ").Intersect(["ones", "scale"])),
            string.Join(", ", members.Where(NormalizationScale.Is).Select(member => member.Weight.Name).Order()));
    }

    private static Value Groups(ChannelGraph g, Value x) =>
        g.Reshape(g.Op("InstanceNormalization", g.Reshape(x, 2, 4, -1), g.Ones("ones", 4), g.Ones("zeros", 4)), 2, 12, 4, 4);

    private static Value Last(ChannelGraph g, Value x, Func<Value, Value> graph) => g.Transpose(graph(g.Transpose(x, 0, 2, 3, 1)), 0, 3, 1, 2);

    private static Value Mean(ChannelGraph g, Value x) => g.Op("ReduceMean", [x], Attribute.Ints("axes", -1));

    private static Value Root(ChannelGraph g, Value x) => g.Op("Sqrt", g.Op("Add", Mean(g, g.Op("Mul", x, x)), g.Ones("epsilon", 1)));
}
