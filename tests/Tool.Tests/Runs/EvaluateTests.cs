using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests.Runs;

/// <summary>Recipes that measure the images of their model.</summary>
[TestClass]
public sealed class EvaluateTests
{
    private const string Stages = """
          - prune: { structure: weights, criterion: magnitude, target: { sparsity: 20% } }
          - evaluate: { samples: { count: 6, steps: 2, batch: 2 }, reference: { shapes: { count: 8 } } }
        """;

    [TestMethod]
    public async Task Figures_are_kept_with_the_artifact_and_judged_by_gates()
    {
        using var folder = new RunFolder(Stages, "gates:\n  ssim: { min: 0.2 }\n  fid: { max-increase: 1000 }\n  macs-per-image: { max: 100% }");

        var first = (await Run(folder)).Expect(0);
        var again = (await Run(folder)).Expect(0);

        var figures = first.Json["stages"]![1]!["metrics"]!["figures"]!;
        Assert.IsGreaterThan(0.2, (double)figures["ssim"]!["value"]!);
        Assert.IsGreaterThan(0, (double)figures["shapes-fid"]!["input"]!["value"]!);
        Assert.AreEqual("cached", (string)again.Json["stages"]![1]!["status"]!);
        Assert.IsTrue(first.Json["gates"]!.AsArray().All(gate => (bool)gate!["passed"]!));
        Assert.StartsWith("macs-per-image 100% of the input model", (string)first.Json["gates"]![2]!["text"]!);
        Assert.IsTrue(Directory.EnumerateFiles(folder.Path, "input-samples.png", SearchOption.AllDirectories).Any());
        CollectionAssert.AreEquivalent(new[] { "shop.onnx", "shop.json" }, Directory.GetFiles(folder.Output).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    public async Task A_bad_figure_fails_the_build()
    {
        using var folder = new RunFolder(Stages, "gates:\n  ssim: { min: 0.9999 }");

        var result = (await Run(folder)).Expect(1);

        Assert.Contains("error CMP5001: ssim ", result.Error);
    }

    [TestMethod]
    public async Task Gates_without_figures_are_refused_before_anything_runs()
    {
        using var folder = new RunFolder("  - quantize: { scheme: fp16 }", "gates:\n  fid: { max: 3 }");

        var result = (await Run(folder)).Expect(2);

        Assert.Contains("shop.compress.yml(6,3): error CMP1103: the gate 'fid' looks at figures of a stage evaluate, and the last stage is quantize", result.Error);
    }

    private static Task<ToolResult> Run(RunFolder folder) => ToolRunner.RunAsync("run", folder.Recipe, "--cache", Path.Combine(folder.Path, "cache"), "--output", folder.Output, "--json");
}
