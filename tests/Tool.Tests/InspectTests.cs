using System.Text.Json.Nodes;
using CompressTool.Onnx;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests;

[TestClass]
public sealed class InspectTests
{
    private static readonly string s_unet = Repository.Fixture("unet2d/model_op17_dynbatch.onnx");

    [TestMethod]
    [DataRow("unet2d/model_op17_dynbatch.onnx", "unet2d/meta.json", 17)]
    [DataRow("unet2d-cifarstyle/model_op14.onnx", "unet2d-cifarstyle/meta.json", 14)]
    public async Task Figures_equal_the_exporters(string model, string meta, int opset)
    {
        var expected = JsonNode.Parse(File.ReadAllText(Repository.Fixture(meta)))!;
        var counts = expected["files"]!.AsObject().Single(file => file.Key.EndsWith(Path.GetFileName(model), StringComparison.Ordinal)).Value!["ops"]!;

        var json = (await ToolRunner.RunAsync("inspect", Repository.Fixture(model), "--json")).Expect(0).Json;

        Assert.AreEqual((long)expected["params"]!, (long)json["parameters"]!);
        Assert.AreEqual(opset, (int)json["opset"]!);
        Assert.AreEqual(new FileInfo(Repository.Fixture(model)).Length, (long)json["bytes"]!);
        Assert.AreEqual(0.0, (double)json["sparsity"]!, 1e-4);
        Assert.IsGreaterThan((long)json["macs"]!, (long)json["macsWithAttention"]!);
        Assert.IsTrue(JsonNode.DeepEquals(counts, json["operators"]), $"{counts.ToJsonString()}\n{json["operators"]!.ToJsonString()}");
        CollectionAssert.AreEqual(new[] { "sample", "timestep" }, json["inputs"]!.AsArray().Select(input => (string)input!["name"]!).ToArray());
        Assert.AreEqual("out_sample", (string?)json["outputs"]![0]!["name"]);
    }

    [TestMethod]
    public async Task Shapes_keep_their_symbols_and_can_be_bound()
    {
        var free = (await ToolRunner.RunAsync("inspect", s_unet, "--json")).Expect(0).Json;
        var bound = (await ToolRunner.RunAsync("inspect", s_unet, "--bind", "batch=4", "--json")).Expect(0).Json;

        Assert.AreEqual("""["batch",3,32,32]""", free["inputs"]![0]!["shape"]!.ToJsonString());
        Assert.AreEqual("float32", (string?)free["inputs"]![0]!["type"]);
        Assert.AreEqual(1, (int)free["batch"]!);
        Assert.AreEqual(4, (int)bound["batch"]!);
        Assert.AreEqual(4 * (long)free["macs"]!, (long)bound["macs"]!);
        Assert.AreEqual((long)free["parameters"]!, (long)bound["parameters"]!);
    }

    [TestMethod]
    public async Task Layers_are_listed_with_their_costs()
    {
        var json = (await ToolRunner.RunAsync("inspect", s_unet, "--layers", "--json")).Expect(0).Json;
        var text = (await ToolRunner.RunAsync("inspect", s_unet, "--layers")).Expect(0).Output;

        // 3x3 convolution from 3 to 32 channels at 32x32.
        var first = json["layers"]!.AsArray().Single(layer => (string?)layer!["name"] == "conv_in")!;
        Assert.AreEqual("Conv", (string?)first["kind"]);
        Assert.AreEqual("[32,3,3,3]", first["shape"]!.ToJsonString());
        Assert.AreEqual(32 * 3 * 9, (int)first["parameters"]!);
        Assert.AreEqual(32 * 3 * 9 * 32 * 32, (int)first["macs"]!);
        Assert.AreEqual(0.0, (double)first["sparsity"]!);
        Assert.AreEqual((long)json["macs"]!, json["layers"]!.AsArray().Sum(layer => (long)layer!["macs"]!));
        Assert.MatchesRegex(@"(?m)^conv_in +Conv +float32\[32,3,3,3\] +864 +885 k +0\.0 %$", text);
        Assert.Contains("parameters  702,499", text);
    }

    [TestMethod]
    public async Task Zeros_are_counted_on_demand()
    {
        using var temp = new TempFolder();
        var path = Models.WriteWithOutputs(temp, "y");
        using (var model = Model.Load(path))
        {
            var weight = model.Graph.AddInitializer("w", Tensor.Floats([2, 2], 0, 1, -0f, 2));
            model.Graph.Outputs.Add(model.Graph.AddNode(null, "MatMul", "product", [model.Graph.Inputs[0], weight], new TensorType(DataType.Float, null)));
            model.Save(temp.File("half.onnx"));
        }

        Assert.AreEqual(0.5, (double)(await ToolRunner.RunAsync("inspect", temp.File("half.onnx"), "--json")).Expect(0).Json["sparsity"]!);
        Assert.Contains("50.0 %", (await ToolRunner.RunAsync("inspect", temp.File("half.onnx"), "--sparsity")).Expect(0).Output);
        Assert.Contains("not counted (--sparsity)", (await ToolRunner.RunAsync("inspect", temp.File("half.onnx"))).Expect(0).Output);
    }

    [TestMethod]
    public async Task Model_without_its_weight_file_is_inspected_all_the_same()
    {
        using var temp = new TempFolder();
        var path = temp.File("apart.onnx");
        using (var model = Model.Load(s_unet))
        {
            var files = model.Save(path, new SaveOptions { ExternalData = ExternalDataMode.Always });
            File.Delete(files[1].Path);
        }

        var whole = (await ToolRunner.RunAsync("inspect", s_unet, "--json")).Expect(0).Json;
        var result = (await ToolRunner.RunAsync("inspect", path, "--layers", "--json")).Expect(0);

        Assert.AreEqual((long)whole["parameters"]!, (long)result.Json["parameters"]!);
        Assert.AreEqual((long)whole["macs"]!, (long)result.Json["macs"]!);
        Assert.IsNull(result.Json["sparsity"]);
        Assert.HasCount(1, result.Json["missingWeights"]!.AsArray());
        Assert.IsGreaterThan((long)result.Json["weightBytes"]!, (long)result.Json["bytes"]!);
        Assert.Contains("the weights are not there", result.Error);
    }

    [TestMethod]
    [DataRow("ddpm-cifar10-32.onnx", "", 35_746_307L, 6.05e9, 6.22e9)]
    [DataRow("sd15-unet.onnx", "batch=1 height=64 width=64 sequence=77", 859_520_964L, 338.6e9, 401.6e9)]
    public async Task Real_models_have_their_known_figures(string model, string bindings, long parameters, double macs, double macsWithAttention)
    {
        if (Repository.Oracle("big", model) is not { } path)
        {
            Assert.Inconclusive("the oracles are not here");
            return;
        }

        var json = (await ToolRunner.RunAsync(["inspect", path, "--json", .. bindings.Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(binding => new[] { "--bind", binding })])).Expect(0).Json;

        Assert.AreEqual(parameters, (long)json["parameters"]!);
        Assert.AreEqual(macs, (double)json["macs"]!, 0.002 * macs);
        Assert.AreEqual(macsWithAttention, (double)json["macsWithAttention"]!, 0.002 * macsWithAttention);
    }

    [TestMethod]
    [DataRow("inspect", "CMP6003", "'inspect' needs MODEL: the .onnx file")]
    [DataRow("inspect nowhere.onnx", "CMP2001", "nowhere.onnx")]
    [DataRow("inspect GARBAGE", "CMP2002", "garbage.onnx")]
    [DataRow("inspect FOLDER", "CMP2", "")]
    [DataRow("inspect UNET --bind bach=4", "CMP2010", "did you mean 'batch'?")]
    [DataRow("inspect UNET --bind batch=x", "CMP6004", "write e.g. --bind batch=4")]
    [DataRow("inspect UNET UNET", "CMP6005", "'inspect' takes no argument")]
    [DataRow("inspect UNET --layer", "CMP6002", "did you mean '--layers'?")]
    public async Task Bad_command_line_is_refused(string commandLine, string code, string message)
    {
        using var temp = new TempFolder();
        var names = new Dictionary<string, string> { ["UNET"] = s_unet, ["GARBAGE"] = temp.Write("garbage.onnx", "this is no model"), ["FOLDER"] = temp.Path };

        var result = (await ToolRunner.RunAsync([.. commandLine.Split(' ').Select(part => names.GetValueOrDefault(part, part))])).Expect(2);

        Assert.StartsWith($"error {code}", result.Error);
        Assert.Contains(message, result.Error);
        Assert.AreEqual("", result.Output);
    }
}
