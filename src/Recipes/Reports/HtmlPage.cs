using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using CompressTool.Recipes.Planning;

namespace CompressTool.Recipes.Reports;

/// <summary>
/// A page in one file, which asks no network for anything: style, scripts, numbers and pictures are inside, and its policy allows
/// the browser nothing else. The same content gives the same bytes.
/// </summary>
/// <param name="title">The title.</param>
/// <param name="subtitle">A line below it.</param>
internal sealed class HtmlPage(string title, Html subtitle)
{
    // All that has a meaning in HTML is escaped, so that no text ends the element around it.
    private static readonly JsonSerializerOptions s_json = new() { Encoder = JavaScriptEncoder.Default };

    private readonly StringBuilder _main = new();
    private readonly List<Chart> _charts = [];

    /// <summary>Adds a section, unless it is empty.</summary>
    /// <param name="heading">Its heading.</param>
    /// <param name="content">Its content.</param>
    public void AddSection(string heading, Html content)
    {
        if (content.Text.Length > 0)
        {
            _main.Append(Html.Of($"<section>\n<h2>{heading}</h2>\n{content}</section>\n\n").Text);
        }
    }

    /// <summary>Adds what has no heading of its own.</summary>
    public void Add(Html content) => _main.Append(content.Text);

    /// <summary>Adds a chart to the page.</summary>
    /// <returns>The place for it, to be put into a section.</returns>
    public Html Draw(Chart chart)
    {
        _charts.Add(chart);
        var legend = chart.Series.Count < 2 ? Html.Empty : Html.Of($"""
            <span class="legend">{Html.Join(chart.Series.Select(series => Html.Of($"<span class=\"{(series.IsResult ? "result" : "other")}\">{series.Name}</span>")))}</span>
            """);
        return Html.Of($"""
            <figure class="chart"><figcaption>{chart.Title}{legend}</figcaption>
            <div class="{chart.Form.ToString().ToLowerInvariant()}"><canvas data-chart="{_charts.Count - 1}" role="img" aria-label="{chart.Title}: {chart.Description}"></canvas></div></figure>

            """);
    }

    /// <summary>The page.</summary>
    /// <param name="footer">Where it comes from.</param>
    public string Write(Html footer)
    {
        var style = Resources.Style;
        string[] scripts = _charts.Count == 0 ? [] : [Resources.ChartLibrary, Resources.Script];
        var numbers = new JsonArray([.. _charts.Select(chart => (JsonNode)chart.ToJson())]).ToJsonString(s_json);
        return Html.Of($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="{Policy(style, scripts)}">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="generator" content="CompressTool {Planner.ToolVersion}">
            <link rel="icon" href="data:,">
            <title>{title}</title>
            <style>{new Html(style)}</style>
            </head>
            <body>
            <header><h1>{title}</h1>
            <p>{subtitle}</p></header>
            <main>
            {new Html(_main.ToString())}</main>
            <footer>{footer}</footer>
            <script type="application/json" id="charts">{new Html(numbers)}</script>
            {Html.Join(scripts.Select(script => new Html($"<script>{script}</script>\n")))}</body>
            </html>

            """).Text.ReplaceLineEndings("\n");
    }

    private static string Policy(string style, IEnumerable<string> scripts) =>
        $"default-src 'none'; img-src data:; style-src '{Hash(style)}'; script-src {string.Join(' ', scripts.Select(script => $"'{Hash(script)}'").DefaultIfEmpty("'none'"))}; base-uri 'none'; form-action 'none'";

    private static string Hash(string text) => "sha256-" + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
