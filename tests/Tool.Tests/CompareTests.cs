using CompressTool.Onnx;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests;

[TestClass]
public sealed class CompareTests
{
    private static readonly string s_unet = Repository.Fixture("unet2d/model_op17_dynbatch.onnx");

    [TestMethod]
    public async Task Model_equals_itself()
    {
        var json = (await ToolRunner.RunAsync("compare", s_unet, s_unet, "--runs", "5", "--json")).Expect(0).Json;

        Assert.AreEqual(0.0, (double?)json["maxAbsError"]);
        Assert.IsGreaterThan(140, (double)json["psnr"]!);
        Assert.AreEqual(1.0, (double?)json["sizeRatio"]);
        Assert.IsGreaterThan(0, (double)json["latencyRatio"]!);
        Assert.StartsWith("onnxruntime 1.", (string)json["runtime"]!);
        Assert.AreEqual("out_sample", (string?)json["outputs"]![0]!["name"]);
    }

    [TestMethod]
    public async Task Difference_is_the_known_one()
    {
        using var temp = new TempFolder();
        var first = Models.WriteWithOutputs(temp, "y", "z");
        var second = temp.File("second.onnx");
        using (var model = Model.Load(first))
        {
            // y stays as it is; z becomes x + 2.5 instead of x + 2.
            Graph.ReplaceInitializer(model.Graph.Initializers.Single(value => value.Name == "c1"), Tensor.Float(2.5f));
            model.Save(second);
        }

        var random = (await ToolRunner.RunAsync("compare", first, second, "--runs", "0", "--bind", "n=3", "--samples", "2", "--json")).Expect(0).Json;
        Assert.AreEqual(0.5, (double)random["maxAbsError"]!, 1e-6);
        Assert.AreEqual("z", (string?)random["worstOutput"]);
        Assert.AreEqual(2, (int?)random["samples"]);
        Assert.IsNull(random["latencyRatio"]);

        // Peak 20 - 10, root mean squared error 0.5.
        NpyFile.Write(temp.File("x.npy"), Tensor.Floats([1, 2], 10, 20));
        var given = (await ToolRunner.RunAsync("compare", first, second, "--runs", "0", "--input", "x=" + temp.File("x.npy"), "--json")).Expect(0).Json;
        Assert.AreEqual(20 * Math.Log10(10 / 0.5), (double)given["psnr"]!, 1e-4);
        Assert.AreEqual("given", (string?)given["inputs"]);

        var text = (await ToolRunner.RunAsync("compare", first, second, "--runs", "0")).Expect(0).Output;
        Assert.MatchesRegex(@"(?m)^z +0\.5 +", text);
        Assert.Contains("on random inputs, onnxruntime 1.", text);
    }

    [TestMethod]
    [DataRow("compare MODEL", "CMP6003", "'compare' needs MODEL")]
    [DataRow("compare MODEL MODEL --runs -1", "CMP6004", "'-1' is not a whole number for --runs")]
    [DataRow("compare MODEL MODEL --bind batch", "CMP6004", "'--bind batch' does not give a dimension a positive number")]
    [DataRow("compare MODEL MODEL --bind batch=0", "CMP6004", "write e.g. --bind batch=4")]
    [DataRow("compare MODEL MODEL --bind batch=2 batch=3", "CMP6006", "the dimension 'batch' is given twice")]
    [DataRow("compare MODEL nowhere.onnx", "CMP2001", "nowhere.onnx")]
    [DataRow("compare MODEL MODEL --input smple=x.npy", "CMP2001", "x.npy")]
    [DataRow("compare MODEL MODEL MODEL", "CMP6005", "'compare' takes no argument")]
    public async Task Bad_command_line_is_refused(string commandLine, string code, string message)
    {
        var result = (await ToolRunner.RunAsync([.. commandLine.Split(' ').Select(part => part == "MODEL" ? s_unet : part)])).Expect(2);

        Assert.StartsWith($"error {code}: ", result.Error);
        Assert.Contains(message, result.Error);
        Assert.AreEqual("", result.Output);
    }
}
