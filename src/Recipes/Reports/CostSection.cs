namespace CompressTool.Recipes.Reports;

/// <summary>What a model costs, against the one it was made from.</summary>
/// <param name="before">The model that was there first.</param>
/// <param name="after">The one made from it.</param>
/// <param name="samples">Their samples; null where there are none.</param>
internal sealed class CostSection(ReportModel before, ReportModel after, ReportSamples? samples)
{
    private readonly List<CostRow> _rows =
    [
        new("Size", before.Facts.Bytes, after.Facts.Bytes, Units.Bytes),
        new("Parameters", before.Facts.Parameters, after.Facts.Parameters, Count),
        new("Nonzero parameters", before.Facts.NonZeros, after.Facts.NonZeros, Count),
        samples?.MacsBefore is { } macsBefore && samples.Macs is { } macs
            ? new CostRow("MACs per image", macsBefore, macs, number => Units.Scaled(number))
            : new CostRow("MACs per evaluation", before.Facts.Macs, after.Facts.Macs, number => Units.Scaled(number)),
    ];

    /// <summary>Adds a row.</summary>
    /// <param name="name">What is measured.</param>
    /// <param name="first">Of the first model.</param>
    /// <param name="now">Of the other one.</param>
    /// <param name="write">Writes it.</param>
    public void Add(string name, double first, double now, Func<double, string> write) => _rows.Add(new CostRow(name, first, now, write));

    /// <summary>The figures that are seen first.</summary>
    public Html Tiles() => Html.Of($"""
        <ul class="tiles">
        {Html.Join(_rows.Where(row => row.Before > 0).Select(Tile))}</ul>

        """);

    /// <summary>All of them, and a chart of what is left.</summary>
    public Html Write(HtmlPage page)
    {
        var rows = _rows.Where(row => row.Before > 0).ToList();
        var chart = page.Draw(new Chart(
            ChartForm.Bars, ChartUnit.Percent, "What is left", string.Join(", ", rows.Select(row => $"{row.Name} {Units.Percent(row.Ratio)}")),
            [.. rows.Select(row => row.Name)], [new ChartSeries($"{after.Name}, share of {before.Name}", true, [.. rows.Select(row => (double?)row.Ratio)])]));
        var table = new HtmlTable("Cost", "", $">{before.Name}", $">{after.Name}", ">left");
        foreach (var row in _rows)
        {
            table.Add(row.Name, row.Write(row.Before), row.Write(row.Now), row.Before > 0 ? Units.Percent(row.Ratio) : "");
        }

        return Html.Of($"{chart}{table.ToHtml()}{Remark()}");
    }

    /// <summary>Millions of parameters need not be told one by one; the manifest has the digits.</summary>
    private static string Count(double number) => Units.Scaled(number);

    private Html Tile(CostRow row) => Html.Of($"""
        <li><span class="name">{row.Name}</span> <strong>{row.Write(row.Now)}</strong> <span class="was">{Units.Percent(row.Ratio)} of {row.Write(row.Before)}</span></li>

        """);

    private Html Remark()
    {
        var macs = samples?.Macs is null ? "for one sample and one evaluation of the model" : $"for one image: {samples.Evaluations} evaluations of the model, the multiplications with zeros too";
        var open = before.Facts.CountedAsOne.Count == 0 || samples?.Macs is not null ? "" : $" Dimensions that the model leaves open counted as 1: {string.Join(", ", before.Facts.CountedAsOne)}.";
        return Html.Of($"<p class=\"remark\">MACs are multiplications with their additions, those inside attention included, {macs}.{open}</p>\n");
    }

    private sealed record CostRow(string Name, double Before, double Now, Func<double, string> Write)
    {
        public double Ratio => Now / Before;
    }
}
