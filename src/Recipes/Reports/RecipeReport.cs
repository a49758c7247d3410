using System.Globalization;
using System.Text.Json.Nodes;
using CompressTool.Compression.Evaluation.Images;
using CompressTool.Recipes.Execution;
using CompressTool.Recipes.Language;
using CompressTool.Recipes.Planning;
using CompressTool.Recipes.Store;

namespace CompressTool.Recipes.Reports;

/// <summary>
/// The report of a recipe (<c>report: html</c>): what its stages did, what is left, whether the gates held, what the model draws. All of
/// it is in the artifacts, so that it can be written again at any time, with the same bytes.
/// </summary>
/// <param name="plan">The plan.</param>
/// <param name="artifacts">What the stages made, in their order.</param>
/// <param name="gates">The verdicts.</param>
/// <param name="inputPath">Full path of the input model as an .onnx file.</param>
public sealed class RecipeReport(Plan plan, IReadOnlyList<Artifact> artifacts, IReadOnlyList<GateOutcome> gates, string inputPath)
{
    /// <summary>Name of the report that lies beside a model.</summary>
    public static string FileName(string model) => Path.ChangeExtension(model, ".report.html");

    /// <summary>Writes the page.</summary>
    /// <param name="model">File name of the published model.</param>
    /// <param name="cancellationToken">Ends the reading of the models.</param>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">A model or an artifact cannot be read.</exception>
    public string Write(string model, CancellationToken cancellationToken)
    {
        var before = new ReportModel(InputName(), ModelFacts.Read(inputPath, cancellationToken));
        var after = new ReportModel(model, ModelFacts.Read(artifacts[^1].ModelPath, cancellationToken));
        var samples = Samples();
        var page = new HtmlPage(plan.Name, Html.Of($"<b>{after.Name}</b> of {plan.Recipe.Model.Text}, by {Path.GetFileName(plan.Recipe.Path)}"));
        var cost = new CostSection(before, after, samples);
        page.Add(cost.Tiles());
        page.AddSection("Gates", Gates());
        page.AddSection("Samples", samples?.Write(before.Name, after.Name) ?? Html.Empty);
        page.AddSection("Cost", Html.Of($"{cost.Write(page)}{Sizes(page, before)}"));
        page.AddSection("Layers", new LayerSection(before, after).Write(page));
        page.AddSection("Stages", Html.Join(plan.Stages.Zip(artifacts, (stage, artifact) => new StageSection(stage, artifact).Write(page))));
        return page.Write(Html.Of($"""
            <dl><dt>input model</dt><dd><code>{plan.Input.Sha256}</code></dd>
            <dt>finished model</dt><dd><code>{artifacts[^1].Files[0].Sha256}</code></dd>
            <dt>seed</dt><dd>{plan.Recipe.Seed}</dd>
            <dt>tool</dt><dd>dotnet compress {Planner.ToolVersion}</dd></dl>
            """));
    }

    /// <summary>Both models may have the same name: then that of the input says what it is.</summary>
    private string InputName()
    {
        var name = plan.Recipe.Model.Text[(plan.Recipe.Model.Text.LastIndexOf('/') + 1)..];
        return plan.Recipe.Outputs.Any(output => output.FileName == name) ? $"{name} (input)" : name;
    }

    private Html Gates()
    {
        if (gates.Count == 0)
        {
            return Html.Empty;
        }

        var table = new HtmlTable("Gates", "gate", "limit", "verdict", "measured");
        foreach (var (gate, outcome) in plan.Recipe.Gates.Zip(gates))
        {
            var limits = FlatJson.Of(JsonNode.Parse(CanonicalOptions.Write(gate.Options.Value))!).Where(value => gate.Options.Positions.ContainsKey(value.Path)).Select(value => $"{value.Path} {value.Text}");
            table.Add(
                Html.Of($"{outcome.Kind}"), Html.Of($"{string.Join(", ", limits)}"),
                new Html(outcome.Passed ? "<span class=\"passed\">passed</span>" : "<span class=\"failed\">failed</span>"), Html.Of($"{outcome.Text}"));
        }

        return table.ToHtml();
    }

    private Html Sizes(HtmlPage page, ReportModel before)
    {
        var sizes = artifacts.Select((artifact, index) => (Name: plan.Stages[index].Id, artifact.Bytes)).Prepend((before.Name, before.Facts.Bytes)).ToList();
        var table = new HtmlTable("Size after each stage", "", ">size", ">of the input");
        foreach (var (name, bytes) in sizes)
        {
            table.Add(name, Units.Bytes(bytes), Units.Percent(bytes / (double)before.Facts.Bytes));
        }

        var chart = page.Draw(new Chart(
            ChartForm.Bars, ChartUnit.Bytes, "Size after each stage", string.Join(", ", sizes.Select(size => $"{size.Name} {Units.Bytes(size.Bytes)}")),
            [.. sizes.Select(size => size.Name)], [new ChartSeries("size", true, [.. sizes.Select(size => (double?)size.Bytes)])]));
        return Html.Of($"{chart}<details><summary>As a table</summary>\n{table.ToHtml()}</details>\n");
    }

    /// <summary>What the last evaluation drew and measured; null when the recipe has none.</summary>
    private ReportSamples? Samples()
    {
        if (artifacts.LastOrDefault(artifact => artifact.Kind == EvaluateStage.Kind) is not { } artifact)
        {
            return null;
        }

        var metrics = artifact.Metrics;
        var guidance = (double)metrics["guidance"]! == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $", guidance {(double)metrics["guidance"]!:R}");
        return new ReportSamples
        {
            Grid = File.ReadAllBytes(Path.Combine(artifact.Folder, EvaluateStage.SamplesFile)),
            GridBefore = artifact.Files.Any(file => file.Name == EvaluateStage.InputSamplesFile) ? File.ReadAllBytes(Path.Combine(artifact.Folder, EvaluateStage.InputSamplesFile)) : null,
            Description = $"{metrics["samples"]} samples{((int)metrics["samples"]! > SampleGrid.Shown ? $", of which the first {SampleGrid.Shown} are shown" : "")}: {metrics["sampler"]}, {metrics["steps"]} steps{guidance}",
            Reference = (string)metrics["reference"]!,
            Figures = [.. metrics["figures"]!.AsObject().Select(figure => ImageFigure.FromJson(figure.Key, figure.Value!.AsObject()))],
            Evaluations = (int)metrics["evaluations"]!,
            Macs = (double?)metrics["perImage"]?["macsWithAttention"],
            MacsBefore = (double?)metrics["inputPerImage"]?["macsWithAttention"],
        };
    }
}
