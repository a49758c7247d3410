using CompressTool.Diffusion.Data.Shapes;
using CompressTool.Diffusion.Pictures;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests.Runs;

/// <summary>Recipes that name images by a folder or a pattern.</summary>
[TestClass]
public sealed class ImageFilesTests
{
    [TestMethod]
    public async Task What_is_in_the_folder_decides_whether_a_stage_runs_again()
    {
        using var folder = Create("train");
        var first = (await Run(folder)).Expect(0);
        Assert.AreEqual("built", Status(first));

        // Another time for the same names and contents changes nothing.
        foreach (var file in Directory.GetFiles(Path.Combine(folder.Path, "train")))
        {
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddDays(-1));
        }

        Assert.AreEqual("cached", Status((await Run(folder)).Expect(0)));

        File.Move(Path.Combine(folder.Path, "train", "3.png"), Path.Combine(folder.Path, "train", "4.png"));
        var renamed = (await Run(folder)).Expect(0);
        Assert.AreEqual("built", Status(renamed));
        Assert.Contains("a file it reads changed", (string)renamed.Json["stages"]![0]!["reason"]!);
    }

    [TestMethod]
    public async Task Drawn_images_need_no_files()
    {
        using var folder = new RunFolder("  - finetune: { data: { shapes: { count: 6, seed: 3 } }, steps: 1, batch: 2 }");

        Assert.AreEqual("built", Status((await Run(folder)).Expect(0)));
    }

    [TestMethod]
    public async Task Samples_of_the_teacher_are_drawn_once()
    {
        static string Stages(int steps) => $$"""
              - finetune: { data: { teacher-samples: { count: 3, steps: 2 } }, steps: {{steps}}, batch: 2 }
              - distill: { data: { teacher-samples: { count: 3, steps: 2 } }, steps: 1, batch: 2 }
            """;
        using var folder = new RunFolder(Stages(1));
        (await Run(folder)).Expect(0);
        var drawn = Directory.GetFiles(Path.Combine(folder.Path, "cache"), "samples.safetensors", SearchOption.AllDirectories).Single();
        var time = File.GetLastWriteTimeUtc(drawn);

        folder.Write(Stages(2));
        Assert.AreEqual("built", Status((await Run(folder)).Expect(0)));

        Assert.AreEqual(drawn, Directory.GetFiles(Path.Combine(folder.Path, "cache"), "samples.safetensors", SearchOption.AllDirectories).Single());
        Assert.AreEqual(time, File.GetLastWriteTimeUtc(drawn));
    }

    [TestMethod]
    public async Task A_wrong_sampler_has_its_place()
    {
        using var folder = new RunFolder("  - finetune: { data: { teacher-samples: { sampler: dpm++2n } }, steps: 1, batch: 2 }");

        var result = (await Run(folder)).Expect(2);

        Assert.Contains("shop.compress.yml(4,53): error CMP1013: there is no sampler 'dpm++2n'; did you mean 'dpm++2m'?", result.Error);
    }

    [TestMethod]
    [DataRow("train/*.jpg", "CMP1101", "no file matches", 2)]
    [DataRow("empty", "CMP1101", "has no PNG", 2)]
    [DataRow("../train", "CMP1017", "leaves the project's folder", 2)]
    [DataRow("broken/*.png", "CMP8201", "is not a valid PNG file", 1)]
    public async Task Errors_have_their_place(string images, string code, string message, int exitCode)
    {
        using var folder = Create(images);
        Directory.CreateDirectory(Path.Combine(folder.Path, "empty"));
        Directory.CreateDirectory(Path.Combine(folder.Path, "broken"));
        File.WriteAllText(Path.Combine(folder.Path, "broken", "x.png"), "no picture");

        var result = (await Run(folder)).Expect(exitCode);

        Assert.Contains($"shop.compress.yml(4,33): error {code}: ", result.Error);
        Assert.Contains(message, result.Error);
    }

    private static RunFolder Create(string images)
    {
        var folder = new RunFolder($"  - finetune: {{ data: {{ images: {images} }}, steps: 1, batch: 2 }}");
        Directory.CreateDirectory(Path.Combine(folder.Path, "train"));
        var set = new ShapeImages(1, 16);
        for (var i = 0; i < 4; i++)
        {
            PictureFile.Write(Path.Combine(folder.Path, "train", $"{i}.png"), set.Draw(i));
        }

        return folder;
    }

    private static Task<ToolResult> Run(RunFolder folder) => ToolRunner.RunAsync("run", folder.Recipe, "--cache", Path.Combine(folder.Path, "cache"), "--output", folder.Output, "--json");

    private static string Status(ToolResult result) => (string)result.Json["stages"]![0]!["status"]!;
}
