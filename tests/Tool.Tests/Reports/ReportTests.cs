using System.Text.RegularExpressions;
using CompressTool.Tool.Tests.Infrastructure;
using CompressTool.Tool.Tests.Runs;

namespace CompressTool.Tool.Tests.Reports;

[TestClass]
public sealed partial class ReportTests
{
    private const string Stages = """
          - prune: { structure: weights, criterion: magnitude, target: { sparsity: 40% } }
          - finetune: { data: { tensors: batch.safetensors }, steps: 3, batch: 2 }
          - quantize: { scheme: fp16 }
        """;

    [TestMethod]
    public async Task Report_of_a_recipe_has_the_same_bytes_everywhere_and_from_the_cache()
    {
        var texts = new List<string>();
        for (var run = 0; run < 2; run++)
        {
            using var folder = Create("gates:\n  size: { max: 70% }\nreport: html");
            var first = (await ToolRunner.RunAsync("run", folder.Recipe, "--output", folder.Output, "--json")).Expect(0);
            var report = (string)first.Json["report"]!;
            Assert.AreEqual(Path.Combine(folder.Output, "shop.report.html"), report);
            texts.Add(File.ReadAllText(report));
            File.Delete(report);

            var second = (await ToolRunner.RunAsync("run", folder.Recipe, "--output", folder.Output)).Expect(0);

            Assert.Contains($"report -> {report}", second.Output);
            texts.Add(File.ReadAllText(report));
            Assert.DoesNotContain(folder.Path, texts[0]);
        }

        Assert.HasCount(1, texts.Distinct());
        Assert.Contains("<td>max 70%</td><td><span class=\"passed\">passed</span></td>", texts[0]);
        Assert.Contains("<dt>target.sparsity</dt><dd>40%</dd>", texts[0]);
        Assert.Contains("\"form\":\"line\"", texts[0]); // the loss of the training
        CollectionAssert.AreEqual((string[])["01-prune", "02-finetune", "03-quantize"], Stage.Matches(texts[0]).Select(match => match.Groups[1].Value).ToArray());
    }

    [TestMethod]
    public async Task Without_the_key_there_is_no_report()
    {
        using var folder = Create("");

        var result = (await ToolRunner.RunAsync("run", folder.Recipe, "--output", folder.Output, "--json")).Expect(0);

        Assert.IsNull(result.Json["report"]);
        CollectionAssert.AreEquivalent((string[])["shop.onnx", "shop.json"], Directory.GetFiles(folder.Output).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    public async Task Diffusion_models_are_compared_by_what_they_draw_from_the_same_noise()
    {
        using var folder = new TempFolder();
        var (model, checkpoint) = (Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"), Repository.Fixture("unet2d-cifarstyle", "unet"));

        var result = (await ToolRunner.RunAsync("compare", checkpoint, model, "--runs", "0", "--bind", "batch=2", "--count", "6", "--steps", "2", "--report", folder.File("a", "r.html"), "--grid", folder.File("b", "g.png"), "--json")).Expect(0);

        // The same weights, by our own import and by the exporter.
        Assert.IsGreaterThan(0.999, (double)result.Json["figures"]!["ssim"]!["value"]!);
        Assert.AreEqual(6, (int)result.Json["figures"]!["shapes-fid"]!["count"]!);
        Assert.AreEqual((double)result.Json["originalMacsPerImage"]!, (double)result.Json["macsPerImage"]!, 1);
        var grid = Diffusion.Pictures.PictureFile.Read((string)result.Json["grid"]!);
        Assert.AreEqual((2 * ((3 * 18) + 2)) + (3 * 8), grid.Width);
        Assert.AreEqual((2 * 18) + 2 + (2 * 8), grid.Height);
        var left = Enumerable.Range(0, grid.Height).SelectMany(y => grid.Row(y)[..(grid.Width / 2 * 3)].ToArray()).ToArray();
        Assert.IsGreaterThan(50, left.Distinct().Count());
        Assert.HasCount(2, Regex.Matches(File.ReadAllText((string)result.Json["report"]!), "src=\"data:image/png;base64,"));
    }

    [TestMethod]
    public async Task Other_models_have_a_report_without_pictures()
    {
        using var folder = new TempFolder();
        var decoder = Repository.Fixture("autoencoder-kl", "decoder_op17.onnx");

        var result = (await ToolRunner.RunAsync("compare", decoder, decoder, "--runs", "1", "--report", folder.File("r.html"))).Expect(0);

        Assert.Contains("the report has no pictures: no samples can be drawn from the model", result.Error);
        var text = File.ReadAllText(folder.File("r.html"));
        Assert.DoesNotContain("<img", text);
        Assert.Contains("<h2>Layers</h2>", text);
        Assert.Contains("Latency", text);
    }

    [TestMethod]
    [DataRow("--report r.pdf", "CMP6004", "'--report r.pdf' must name a file that ends with .html")]
    [DataRow("--grid g.jpg", "CMP6004", "must name a file that ends with .png")]
    [DataRow("--grid g.png --count 0", "CMP6006", "a grid of no samples")]
    [DataRow("--grid g.png", "CMP8104", "no samples can be drawn from the model")]
    public async Task Mistakes_are_named(string arguments, string code, string message)
    {
        var decoder = Repository.Fixture("autoencoder-kl", "decoder_op17.onnx");

        var result = await ToolRunner.RunAsync(["compare", decoder, decoder, "--runs", "0", .. arguments.Split(' ')]);

        Assert.AreNotEqual(0, result.ExitCode);
        Assert.Contains($"error {code}: ", result.Error);
        Assert.Contains(message, result.Error);
        Assert.IsFalse(File.Exists("g.png"));
    }

    private static RunFolder Create(string rest)
    {
        var folder = new RunFolder(Stages, rest);
        var io = Repository.Fixture("unet2d-cifarstyle", "io");
        Onnx.SafetensorsFile.Write(
            Path.Combine(folder.Path, "batch.safetensors"),
            [.. new[] { "sample", "target", "timestep" }.Select(name => KeyValuePair.Create(name, Onnx.NpyFile.Read(Path.Combine(io, name + ".npy"))))]);
        return folder;
    }

    [GeneratedRegex("<h3>(.*?)</h3>")]
    private static partial Regex Stage { get; }
}
