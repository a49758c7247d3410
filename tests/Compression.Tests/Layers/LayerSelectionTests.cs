using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Tests;

[TestClass]
public sealed class LayerSelectionTests
{
    private readonly IReadOnlyList<Layer> _layers = MakeLayers();

    [TestMethod]
    [DataRow("", "", "conv_in down.0.to_q down.1.to_q up.0.conv")]
    [DataRow("down.*", "", "down.0.to_q down.1.to_q")]
    [DataRow("*to_q", "", "down.0.to_q down.1.to_q")]
    [DataRow("down.?.to_q", "down.1*", "down.0.to_q")]
    [DataRow("op:Conv", "", "conv_in up.0.conv")]
    [DataRow("op:Mat*", "", "down.0.to_q down.1.to_q")]
    [DataRow("/down/0/to_q/MatMul", "", "down.0.to_q")]
    [DataRow("conv_in.weight", "", "conv_in")]
    [DataRow("up.0.conv conv_in", "", "conv_in up.0.conv")]
    [DataRow("*", "op:Conv *.0.*", "down.1.to_q")]
    [DataRow("*o*n*", "", "conv_in down.0.to_q down.1.to_q up.0.conv")]
    [DataRow("*", "*", "")]
    public void Selects_by_globs_and_operators(string include, string exclude, string expected)
    {
        var selection = LayerSelection.Select(_layers, Selector(include, exclude));

        Assert.AreEqual(expected, string.Join(' ', selection.Layers.Select(layer => layer.Name)));
    }

    [TestMethod]
    [DataRow("down.* conv_inn", "", "layers.include[1]", "'conv_in'")]
    [DataRow("donw.*", "", "layers.include[0]", "'down.*'")]
    [DataRow("down.0.to_k", "", "layers.include[0]", "'down.0.to_q'")]
    [DataRow("*.conv_in", "", "layers.include[0]", "'*conv_in'")]
    [DataRow("*.to_k", "", "layers.include[0]", "'*.to_q'")]
    [DataRow("*1.to_kk*", "", "layers.include[0]", "'*1.to_q*'")]
    [DataRow("op:conv", "", "layers.include[0]", "'op:Conv'")]
    [DataRow("", "op:Conv xyzxyzxyz", "layers.exclude[1]", "inspect MODEL --layers")]
    [DataRow("CONV_IN", "", "layers.include[0]", "'conv_in'")]
    public void Pattern_without_a_match_is_an_error_with_a_hint(string include, string exclude, string path, string hint)
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => LayerSelection.Select(_layers, Selector(include, exclude)));

        Assert.AreEqual(CompressionErrors.UnmatchedSelector, error.Code);
        Assert.AreEqual(path, error.OptionPath);
        Assert.Contains(hint, error.Message);
    }

    [TestMethod]
    public void Skipping_a_layer_that_the_recipe_names_is_an_error()
    {
        var selection = LayerSelection.Select(_layers, Selector("op:Conv down.0.to_q", ""));
        var skipped = new SkippedLayers(selection);

        skipped.Add(selection.Layers[0], "no reason");
        var error = Assert.ThrowsExactly<CompressToolException>(() => skipped.Add(selection.Layers[1], "3 is odd"));

        Assert.AreEqual(CompressionErrors.SelectedButUnchanged, error.Code);
        Assert.AreEqual("layers.include[1]", error.OptionPath);
        Assert.Contains("down.0.to_q", error.Message);
        Assert.Contains("3 is odd", error.Message);
    }

    [TestMethod]
    public void Skipped_layers_give_one_warning_and_metrics()
    {
        var skipped = new SkippedLayers(LayerSelection.Select(_layers, Selector("op:Conv", "")));
        var warnings = new List<(ErrorCode Code, string Message)>();
        var context = new StageContext { Warn = (code, message, _) => warnings.Add((code, message)) };

        skipped.Warn(context);
        Assert.IsEmpty(warnings);
        skipped.Add(_layers[0], "3 is odd");
        skipped.Warn(context);

        Assert.HasCount(1, warnings);
        Assert.AreEqual(CompressionErrors.LayersSkipped, warnings[0].Code);
        Assert.Contains("1 of 2 layers", warnings[0].Message);
        Assert.Contains("conv_in (3 is odd)", warnings[0].Message);
        Assert.AreEqual("""[{"name":"conv_in","reason":"3 is odd"}]""", skipped.ToJson().ToJsonString());
    }

    private static LayerSelector Selector(string include, string exclude) => new()
    {
        Include = include.Split(' ', StringSplitOptions.RemoveEmptyEntries),
        Exclude = exclude.Split(' ', StringSplitOptions.RemoveEmptyEntries),
    };

    private static IReadOnlyList<Layer> MakeLayers()
    {
        var builder = new GraphBuilder();
        builder.Conv("/conv_in/Conv", builder.Weight("conv_in.weight", 4, 3, 3, 3));
        builder.MatMul("/down/0/to_q/MatMul", builder.Weight("onnx::MatMul_1", 4, 4));
        builder.MatMul("/down/1/to_q/MatMul", builder.Weight("onnx::MatMul_2", 4, 4));
        builder.Conv("/up/0/conv/Conv", builder.Weight("up.0.conv.weight", 4, 4, 3, 3));
        return Layers.Find(builder.Graph);
    }
}
