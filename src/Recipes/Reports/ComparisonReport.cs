using System.Globalization;
using CompressTool.Compression.Evaluation;
using CompressTool.Recipes.Planning;

namespace CompressTool.Recipes.Reports;

/// <summary>The report of two models side by side.</summary>
public static class ComparisonReport
{
    /// <summary>Writes the page.</summary>
    /// <param name="comparison">Outputs, sizes and times of both.</param>
    /// <param name="before">The model that was there first.</param>
    /// <param name="after">The one made from it.</param>
    /// <param name="samples">Samples of both; null for models that draw none.</param>
    public static string Write(ModelComparison comparison, ReportModel before, ReportModel after, ReportSamples? samples)
    {
        var page = new HtmlPage($"{after.Name}, compared", Html.Of($"with <b>{before.Name}</b>"));
        var cost = new CostSection(before, after, samples);
        if (comparison.Latency is { } latency)
        {
            cost.Add("Latency", latency.Original, latency.Final, milliseconds => $"{Units.Significant(milliseconds)} ms");
        }

        page.Add(cost.Tiles());
        page.AddSection("Samples", samples?.Write(before.Name, after.Name) ?? Html.Empty);
        page.AddSection("Cost", cost.Write(page));
        page.AddSection("Layers", new LayerSection(before, after).Write(page));
        page.AddSection("Outputs", Outputs(comparison));
        return page.Write(Html.Of($"<p>dotnet compress {Planner.ToolVersion}, {comparison.Runtime}.</p>"));
    }

    private static Html Outputs(ModelComparison comparison)
    {
        var table = new HtmlTable("Difference of the outputs", "output", ">max. error", ">PSNR");
        foreach (var output in comparison.Outputs.Outputs)
        {
            var nonFinite = output.NonFinite > 0 ? $" ({Units.Count(output.NonFinite)} not finite)" : "";
            table.Add(output.Name, Units.Significant(output.MaxAbsError), $"{Units.Significant(output.Psnr)} dB{nonFinite}");
        }

        var samples = comparison.Outputs.Samples.ToString(CultureInfo.InvariantCulture);
        var inputs = comparison.Outputs.GivenInputs ? "the given inputs" : comparison.Outputs.Samples == 1 ? "random inputs" : $"{samples} sets of random inputs";
        var latency = comparison.Latency is { } measured ? $" Latency is the median of {measured.Runs.ToString(CultureInfo.InvariantCulture)} runs with them." : "";
        return Html.Of($"{table.ToHtml()}<p class=\"remark\">One evaluation of both models on {inputs}.{latency}</p>\n");
    }
}
