using System.Text.Json;
using System.Text.Json.Nodes;
using CompressTool.Compression.Evaluation.Images;
using CompressTool.Recipes.Language;
using CompressTool.Recipes.Planning;
using CompressTool.Recipes.Store;

namespace CompressTool.Recipes.Reports;

/// <summary>What a stage of a recipe was told, and what it reported.</summary>
/// <param name="stage">The stage.</param>
/// <param name="artifact">What it made.</param>
internal sealed class StageSection(PlannedStage stage, Artifact artifact)
{
    /// <summary>The metric with the loss along a training: pairs of step and loss.</summary>
    public const string LossCurve = "lossCurve";

    /// <summary>Figures have a section of their own.</summary>
    private const string Figures = "figures";

    /// <summary>Settings, loss and metrics of the stage.</summary>
    public Html Write(HtmlPage page) => Html.Of($"""
        <article>
        <h3>{stage.Id}</h3>
        {Settings()}{Loss(page)}{Metrics()}{Warnings()}</article>

        """);

    private Html Settings()
    {
        var all = FlatJson.Of(JsonNode.Parse(CanonicalOptions.Write(stage.Options.Value))!).Where(value => value.Path.Length > 0).ToList();
        var given = all.Where(value => stage.Options.Positions.Keys.Any(path => path == value.Path || path.StartsWith(value.Path + "[", StringComparison.Ordinal))).ToList();
        var rest = all.Except(given).ToList();
        var more = rest.Count == 0 ? Html.Empty : Html.Of($"<details><summary>Settings that the recipe leaves as they are</summary>{List(rest, value => value.Path)}</details>\n");
        return Html.Of($"{(given.Count == 0 ? Html.Empty : List(given, value => value.Path))}{more}");
    }

    private Html Loss(HtmlPage page)
    {
        if (artifact.Metrics[LossCurve] is not JsonArray { Count: > 1 } curve)
        {
            return Html.Empty;
        }

        var points = curve.Select(point => (Step: (long)point![0]!, Loss: (double)point[1]!)).ToList();
        return page.Draw(new Chart(
            ChartForm.Line, ChartUnit.Number, "Loss", $"from {Units.Significant(points[0].Loss)} at step {points[0].Step} to {Units.Significant(points[^1].Loss)} at step {points[^1].Step}",
            [.. points.Select(point => Units.Count(point.Step))], [new ChartSeries("loss, smoothed", true, [.. points.Select(point => (double?)point.Loss)])])
        {
            AxisTitle = "step",
        });
    }

    private Html Metrics()
    {
        var metrics = artifact.Metrics.Where(metric => metric.Key != LossCurve && !(stage.Kind == EvaluateStage.Kind && metric.Key == Figures) && metric.Value is not null).ToList();
        var flat = metrics.Where(metric => !IsTable(metric.Value)).SelectMany(metric => FlatJson.Of(metric.Value, metric.Key)).ToList();
        var tables = Html.Join(metrics.Where(metric => IsTable(metric.Value)).Select(metric => Table(metric.Key, metric.Value!.AsArray())));
        return Html.Of($"{(flat.Count == 0 ? Html.Empty : Html.Of($"<h4>Result</h4>\n{List(flat, value => value.Words)}"))}{tables}");
    }

    private Html Warnings() => Html.Join(artifact.Warnings.Select(warning => Html.Of($"<p class=\"warning\"><b>{warning.Code}</b> {warning.Message}</p>\n")));

    private static Html List(IEnumerable<FlatValue> values, Func<FlatValue, string> name) => Html.Of($"<dl>\n{Html.Join(values.Select(value => Html.Of($"<dt>{name(value)}</dt><dd>{value.Text}</dd>\n")))}</dl>\n");

    private static bool IsTable(JsonNode? node) => node is JsonArray { Count: > 0 } array && array.All(item => item is JsonObject);

    private static Html Table(string name, JsonArray rows)
    {
        var keys = rows.SelectMany(row => row!.AsObject().Select(pair => pair.Key)).Distinct().ToList();
        var numeric = keys.Where(key => rows.All(row => row![key] is not { } value || value.GetValueKind() == JsonValueKind.Number)).ToHashSet();
        var words = FlatValue.ToWords(name);
        var table = new HtmlTable(words, [.. keys.Select(key => (numeric.Contains(key) ? ">" : "") + FlatValue.ToWords(key))]);
        foreach (var row in rows)
        {
            table.Add([.. keys.Select(key => row![key] is { } value ? new FlatValue(key, value).Text : "")]);
        }

        return Html.Of($"<details><summary>{words} ({rows.Count})</summary>\n{table.ToHtml()}</details>\n");
    }
}
