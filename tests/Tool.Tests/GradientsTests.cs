using CompressTool.Compression.Quantization;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests;

[TestClass]
public sealed class GradientsTests
{
    private static readonly string s_folder = Repository.Fixture("unet2d-cifarstyle");

    [TestMethod]
    public async Task Gradients_equal_those_of_PyTorch()
    {
        using var temp = new TempFolder();

        var result = (await ToolRunner.RunAsync([.. Arguments(temp.File("grads.safetensors")), "--json"])).Expect(0);

        using var expected = SafetensorsFile.Open(Path.Combine(s_folder, "grads.safetensors"));
        using var actual = SafetensorsFile.Open((string)result.Json["file"]!);
        Assert.AreEqual(1.6132424475692313, (double)result.Json["loss"]!, 1e-6);
        Assert.AreEqual("", result.Error);
        var compared = 0;
        foreach (var name in actual.Names.Where(expected.Names.Contains))
        {
            var (wanted, got) = (expected[name].ToArray<float>(), actual[name].ToArray<float>());
            var norm = Math.Sqrt(wanted.Sum(value => (double)value * value));
            Assert.IsLessThan(1e-6 + (1e-4 * norm), Math.Sqrt(wanted.Zip(got, (a, b) => Math.Pow((double)a - b, 2)).Sum()), name);
            compared++;
        }

        Assert.AreEqual(86, compared, "the exporter renames the other parameters");
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public async Task Gradients_of_a_float16_model_are_float32_and_near_those_of_PyTorch(bool keepIoTypes)
    {
        using var temp = new TempFolder();
        using (var model = Model.Load(Path.Combine(s_folder, "model_op14.onnx")))
        {
            new QuantizeStage().Run(model, new QuantizeOptions { Scheme = QuantizationScheme.Fp16, KeepIoTypes = keepIoTypes }, new StageContext());
            model.Save(temp.File("half.onnx"));
        }

        var sample = Path.Combine(s_folder, "io", "sample.npy");
        if (!keepIoTypes)
        {
            var full = NpyFile.Read(sample);
            NpyFile.Write(sample = temp.File("sample.npy"), Tensor.Create<Half>(DataType.Float16, full.Dims, Array.ConvertAll(full.ToFloats(), x => (Half)x)));
        }

        var result = (await ToolRunner.RunAsync(
            "gradients", temp.File("half.onnx"), "--input", $"sample={sample}", "--input", $"timestep={s_folder}/io/timestep.npy",
            "--target", $"out_sample={s_folder}/io/target.npy", "--output", temp.File("grads.safetensors"), "--json")).Expect(0);

        using var expected = SafetensorsFile.Open(Path.Combine(s_folder, "grads.safetensors"));
        using var actual = SafetensorsFile.Open((string)result.Json["file"]!);
        Assert.AreEqual(1.6132424475692313, (double)result.Json["loss"]!, 2e-3);
        var compared = 0;
        foreach (var name in actual.Names.Where(expected.Names.Contains))
        {
            var (wanted, got) = (expected[name].ToArray<float>(), actual[name].ToArray<float>());
            var norm = Math.Sqrt(wanted.Sum(value => (double)value * value));
            Assert.IsLessThan(1e-5 + (1e-2 * norm), Math.Sqrt(wanted.Zip(got, (a, b) => Math.Pow((double)a - b, 2)).Sum()), name);
            compared++;
        }

        Assert.AreEqual(86, compared);
    }

    [TestMethod]
    public async Task One_parameter_can_be_named()
    {
        using var temp = new TempFolder();

        (await ToolRunner.RunAsync([.. Arguments(temp.File("grads.safetensors")), "--parameter", "conv_in.weight"])).Expect(0);

        using var gradients = SafetensorsFile.Open(temp.File("grads.safetensors"));
        Assert.AreSequenceEqual(["conv_in.weight"], gradients.Names);
    }

    [TestMethod]
    [DataRow("--target", "out_sampl=FOLDER/io/target.npy", "CMP6008", "did you mean 'out_sample'?")]
    [DataRow("--target", "FOLDER/io/target.npy", "CMP6004", "out_sample=")]
    [DataRow("--target", "out_sample=FOLDER/io/timestep.npy", "CMP6008", "float32[2,3,16,16]")]
    [DataRow("--parameter", "conv_in.weigth", "CMP7003", "did you mean 'conv_in.weight'?")]
    public async Task Mistakes_are_explained(string option, string value, string code, string text)
    {
        using var temp = new TempFolder();
        var arguments = Arguments(temp.File("grads.safetensors"));
        if (option == "--target")
        {
            arguments.RemoveRange(arguments.IndexOf("--target"), 2);
        }

        var result = await ToolRunner.RunAsync([.. arguments, option, value.Replace("FOLDER", s_folder)]);

        result.Expect(2);
        Assert.Contains(code, result.Error);
        Assert.Contains(text, result.Error);
        Assert.IsFalse(File.Exists(temp.File("grads.safetensors")));
    }

    private static List<string> Arguments(string output) =>
    [
        "gradients", Path.Combine(s_folder, "model_op14.onnx"), "--input", $"sample={s_folder}/io/sample.npy", "--input", $"timestep={s_folder}/io/timestep.npy",
        "--target", $"out_sample={s_folder}/io/target.npy", "--output", output,
    ];
}
