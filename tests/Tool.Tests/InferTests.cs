using CompressTool.Onnx;
using CompressTool.Tool.Inference;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests;

[TestClass]
public sealed class InferTests
{
    private const string UNet = "unet2d/model_op17_dynbatch.onnx";

    [TestMethod]
    [DataRow(UNet, "unet2d/io", "sample,timestep")]
    [DataRow(UNet, "unet2d/io_b3", "sample,timestep")]
    [DataRow("unet2d-cifarstyle/model_op14.onnx", "unet2d-cifarstyle/io", "sample,timestep")]
    [DataRow("autoencoder-kl/decoder_op17.onnx", "autoencoder-kl/io", "latent")]
    public async Task Outputs_equal_the_exporters(string model, string folder, string inputs)
    {
        using var temp = new TempFolder();
        var given = inputs.Split(',').Select(name => $"{name}={Repository.Fixture(folder, name + ".npy")}");

        var result = (await ToolRunner.RunAsync(["infer", Repository.Fixture(model), "--input", .. given, "--output", temp.Path, "--json"])).Expect(0);

        var output = result.Json["outputs"]![0]!;
        Assert.AreEqual("out_sample", (string?)output["name"]);
        var file = (string)output["file"]!;
        Assert.AreEqual(temp.File("out_sample.npy"), file);
        AssertClose(NpyFile.Read(Repository.Fixture(folder, "out_sample.npy")), NpyFile.Read(file), 1e-4f);
        Assert.AreEqual("", result.Error);
    }

    [TestMethod]
    public async Task Safetensors_file_gives_all_inputs_or_one()
    {
        using var temp = new TempFolder();
        var file = temp.File("inputs.safetensors");
        SafetensorsFile.Write(file, new[] { "sample", "timestep" }.Select(name => KeyValuePair.Create(name, NpyFile.Read(Repository.Fixture("unet2d/io", name + ".npy")))));
        var expected = NpyFile.Read(Repository.Fixture("unet2d/io/out_sample.npy"));

        (await ToolRunner.RunAsync("infer", Repository.Fixture(UNet), "--input", file, "--output", temp.File("all"))).Expect(0);
        AssertClose(expected, NpyFile.Read(temp.File("all", "out_sample.npy")), 1e-4f);

        (await ToolRunner.RunAsync("infer", Repository.Fixture(UNet), "--input", "timestep=" + file, "--input", "sample=" + file, "--output", temp.File("one"), "--threads", "1")).Expect(0);
        AssertClose(expected, NpyFile.Read(temp.File("one", "out_sample.npy")), 1e-4f);
    }

    [TestMethod]
    public async Task Tool_runs_as_a_process_and_keeps_its_streams_apart()
    {
        using var temp = new TempFolder();

        var result = (await ToolRunner.StartInAsync(
            temp.Path, null, "infer", Repository.Fixture(UNet), "--input", "sample=" + Repository.Fixture("unet2d/io/sample.npy"),
            "--input", "timestep=" + Repository.Fixture("unet2d/io/timestep.npy"), "--output", "results", "--verbosity", "detailed")).Expect(0);

        Assert.Contains("float32[2,3,32,32]", result.Output);
        Assert.Contains("ONNX Runtime", result.Error);
        Assert.DoesNotContain("ONNX Runtime", result.Output);
        Assert.IsTrue(File.Exists(temp.File("results", "out_sample.npy")));
    }

    [TestMethod]
    [DataRow("smple=SAMPLE,timestep=TIMESTEP", "CMP6008", "the model has no input 'smple'; did you mean 'sample'?")]
    [DataRow("sample=SAMPLE", "CMP6008", "the model needs 'timestep' (int64[batch])")]
    [DataRow("", "CMP6008", "the model needs 'sample'")]
    [DataRow("sample=TIMESTEP,timestep=TIMESTEP", "CMP6008", "'sample' must be float32, but the file holds int64[2]")]
    [DataRow("sample=FLAT,timestep=TIMESTEP", "CMP6008", "'sample' must have 4 dimensions [batch,3,32,32], but the file holds float32[6]")]
    [DataRow("sample=WIDE,timestep=TIMESTEP", "CMP6008", "dimension 3 of 'sample' must be 32, but the file holds float32[2,3,32,16]")]
    [DataRow("sample=SAMPLE,timestep=THREE", "CMP6008", "'batch' is 2 in 'sample' but 3 in 'timestep'")]
    [DataRow("sample=SAMPLE,sample=SAMPLE", "CMP6006", "the input 'sample' is given twice")]
    [DataRow("sample=NOWHERE.npy,timestep=TIMESTEP", "CMP2001", "NOWHERE.npy")]
    [DataRow("sample=GARBAGE,timestep=TIMESTEP", "CMP2002", "is not a valid .npy file")]
    [DataRow("sample=ARCHIVE,timestep=TIMESTEP", "CMP6008", "holds no tensor 'sample'; did you mean 'samples'?")]
    [DataRow("sample=MODEL,timestep=TIMESTEP", "CMP6004", "is not an input: write name=file.npy")]
    [DataRow("SAMPLE", "CMP6004", "write e.g. sample=")]
    public async Task Inputs_that_do_not_fit_are_refused(string inputs, string code, string message)
    {
        using var temp = new TempFolder();
        var files = new Dictionary<string, string>
        {
            ["SAMPLE"] = Repository.Fixture("unet2d/io/sample.npy"),
            ["TIMESTEP"] = Repository.Fixture("unet2d/io/timestep.npy"),
            ["THREE"] = Repository.Fixture("unet2d/io_b3/timestep.npy"),
            ["FLAT"] = NpyFile.Write(temp.File("flat.npy"), Tensor.Floats([6], new float[6])).Path,
            ["WIDE"] = NpyFile.Write(temp.File("wide.npy"), Tensor.Floats([2, 3, 32, 16], new float[2 * 3 * 32 * 16])).Path,
            ["GARBAGE"] = temp.Write("garbage.npy", "this is no array"),
            ["ARCHIVE"] = SafetensorsFile.Write(temp.File("a.safetensors"), [KeyValuePair.Create("samples", Tensor.Float(1))]).Path,
            ["MODEL"] = Repository.Fixture(UNet),
        };
        var given = inputs.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(input =>
        {
            var parts = input.Split('=');
            parts[^1] = files.GetValueOrDefault(parts[^1], temp.File(parts[^1]));
            return string.Join('=', parts);
        });

        var result = (await ToolRunner.RunAsync(["infer", Repository.Fixture(UNet), .. given.SelectMany(input => new[] { "--input", input }), "--output", temp.File("out")])).Expect(2);

        Assert.StartsWith($"error {code}: ", result.Error);
        Assert.Contains(message, result.Error);
        Assert.AreEqual("", result.Output);
        Assert.IsFalse(Directory.Exists(temp.File("out")));
    }

    [TestMethod]
    public async Task Outputs_with_names_that_no_file_can_have_are_written()
    {
        using var temp = new TempFolder();
        var model = Models.WriteWithOutputs(temp, "/head/out:0", "_head_out_0", "CON", "Y", "y");
        NpyFile.Write(temp.File("x.npy"), Tensor.Floats([1, 2], 10, 20));

        var result = (await ToolRunner.RunAsync("infer", model, "--input", "x=" + temp.File("x.npy"), "--output", temp.File("out"), "--json")).Expect(0);

        var outputs = result.Json["outputs"]!.AsArray();
        CollectionAssert.AreEqual(new[] { "_head_out_0.npy", "_head_out_0_2.npy", "_CON.npy", "Y.npy", "y_2.npy" }, outputs.Select(output => Path.GetFileName((string)output!["file"]!)).ToArray());
        for (var i = 0; i < outputs.Count; i++)
        {
            CollectionAssert.AreEqual(new[] { 11f + i, 21f + i }, NpyFile.Read((string)outputs[i]!["file"]!).ToFloats());
        }
    }

    [TestMethod]
    public void File_names_are_valid_everywhere()
    {
        CollectionAssert.AreEqual(
            new[] { "_.npy", "_.._x.npy", "a_b.npy", "größe.npy", "_nul.txt.npy" },
            OutputFiles.Names(["", "../.._x", "a\nb", "größe", "nul.txt"], ".npy").ToArray());
        Assert.IsLessThan(200, OutputFiles.Names([new string('n', 5000)], ".npy")[0].Length);
    }

    private static void AssertClose(Tensor expected, Tensor actual, float tolerance)
    {
        Assert.AreEqual(expected.ToString(), actual.ToString());
        var (a, b) = (expected.ToFloats(), actual.ToFloats());
        Assert.IsLessThan(tolerance, a.Zip(b, (x, y) => Math.Abs(x - y)).Max());
    }
}
