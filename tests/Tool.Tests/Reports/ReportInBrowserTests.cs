using System.Text.Json.Nodes;
using CompressTool.Tool.Tests.Infrastructure;
using CompressTool.Tool.Tests.Runs;

namespace CompressTool.Tool.Tests.Reports;

/// <summary>Reports as people see them: in a browser, on a phone and on a desktop, light and dark.</summary>
[TestClass]
public sealed class ReportInBrowserTests
{
    private const string Facts = """
        ({
          width: innerWidth,
          hidden: document.documentElement.scrollWidth - document.documentElement.clientWidth,
          canvases: [...document.querySelectorAll('canvas')].map(canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.filter((x, i) => i % 4 === 3 && x > 0).length),
          pictures: [...document.images].map(image => [image.complete ? image.naturalWidth : 0, image.getBoundingClientRect().right, image.alt.length]),
          ground: getComputedStyle(document.body).backgroundColor,
          text: getComputedStyle(document.body).color,
          unlabelled: [...document.querySelectorAll('canvas, .table')].filter(element => !element.getAttribute('aria-label')).length,
          headless: [...document.querySelectorAll('table')].filter(table => !table.querySelector('thead th[scope=col]') || !table.caption).length,
          language: document.documentElement.lang,
        })
        """;

    [TestMethod]
    public async Task Report_of_a_recipe_shows_charts_and_pictures()
    {
        using var folder = new RunFolder("""
              - prune: { structure: weights, criterion: magnitude, target: { sparsity: 40% } }
              - quantize: { scheme: fp16 }
              - evaluate: { samples: { count: 6, steps: 2, batch: 2 } }
            """, "gates:\n  size: { max: 90% }\nreport: html");
        (await ToolRunner.RunAsync("run", folder.Recipe, "--output", folder.Output)).Expect(0);

        await Check(Path.Combine(folder.Output, "shop.report.html"), charts: 4, pictures: 2);
    }

    [TestMethod]
    public async Task Report_of_two_models_shows_charts_and_pictures()
    {
        using var folder = new TempFolder();
        var model = Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx");
        (await ToolRunner.RunAsync("compare", model, model, "--runs", "0", "--count", "2", "--steps", "2", "--report", folder.File("report.html"))).Expect(0);

        await Check(folder.File("report.html"), charts: 2, pictures: 2);
    }

    private static async Task Check(string report, int charts, int pictures)
    {
        if (Browser.Executable is null)
        {
            Assert.Inconclusive("There is no Chromium on the path.");
            return;
        }

        await using var browser = await Browser.StartAsync();
        var grounds = new HashSet<string>();
        foreach (var (width, height, dark) in new[] { (390, 844, false), (390, 844, true), (1280, 900, false), (1280, 900, true) })
        {
            await browser.OpenAsync(report, width, height, dark);
            var facts = (JsonObject)(await browser.EvaluateAsync(Facts))!;

            Assert.IsEmpty(browser.Errors, string.Join('\n', browser.Errors));
            CollectionAssert.AreEqual((string[])[new Uri(report).AbsoluteUri], browser.Requests);
            Assert.AreEqual(width, (int)facts["width"]!);
            Assert.AreEqual(0, (int)facts["hidden"]!, "the page is wider than the window");
            Assert.HasCount(charts, facts["canvases"]!.AsArray());
            Assert.IsTrue(facts["canvases"]!.AsArray().All(drawn => (int)drawn! > 1000), facts["canvases"]!.ToJsonString());
            Assert.HasCount(pictures, facts["pictures"]!.AsArray());
            Assert.IsTrue(facts["pictures"]!.AsArray().All(picture => (double)picture![0]! > 0 && (double)picture[1]! <= width && (int)picture[2]! > 0), facts["pictures"]!.ToJsonString());
            Assert.AreEqual(0, (int)facts["unlabelled"]!);
            Assert.AreEqual(0, (int)facts["headless"]!);
            Assert.AreEqual("en", (string?)facts["language"]);
            Assert.AreNotEqual((string?)facts["ground"], (string?)facts["text"]);
            grounds.Add((string)facts["ground"]!);
        }

        Assert.HasCount(2, grounds, "light and dark look alike");
        await CheckPolicy(browser);
    }

    /// <summary>What is not of the report does not run in it.</summary>
    private static async Task CheckPolicy(Browser browser)
    {
        await browser.EvaluateAsync("""
            (() => {
              const script = document.createElement('script');
              script.textContent = 'window.foreign = true';
              document.body.append(script);
              const picture = new Image();
              picture.src = 'http://127.0.0.1:9/x.png';
              document.body.append(picture);
            })()
            """);

        Assert.IsFalse((bool)(await browser.EvaluateAsync("Boolean(window.foreign)"))!);
        Assert.IsTrue(browser.Errors.Any(error => error.Contains("Content Security Policy", StringComparison.Ordinal)), string.Join('\n', browser.Errors));
    }
}
