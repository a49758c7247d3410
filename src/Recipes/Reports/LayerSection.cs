using System.Globalization;

namespace CompressTool.Recipes.Reports;

/// <summary>What has become of each layer.</summary>
/// <param name="before">The model that was there first.</param>
/// <param name="after">The one made from it.</param>
internal sealed class LayerSection(ReportModel before, ReportModel after)
{
    /// <summary>Charts of what has changed, and a table; nothing for models without common weights.</summary>
    public Html Write(HtmlPage page)
    {
        var sizes = LayerSize.Compare(before.Facts, after.Facts);
        if (sizes.Count == 0)
        {
            return Html.Empty;
        }

        var layers = sizes.Where(size => size.Name is not null).ToList();
        var charts = new List<Html>();
        if (layers.Any(layer => layer.NonZeros != layer.NonZerosBefore))
        {
            charts.Add(Draw(page, "Nonzero weights of each layer", ChartUnit.Number, layers, layer => layer.NonZerosBefore, layer => layer.NonZeros));
        }

        if (charts.Count == 0 || layers.Any(layer => layer.Bytes != layer.BytesBefore))
        {
            charts.Add(Draw(page, "Bytes of each layer's weights", ChartUnit.Bytes, layers, layer => layer.BytesBefore, layer => layer.Bytes));
        }

        var table = new HtmlTable("Layers", "layer", ">nonzero before", ">now", ">bytes before", ">now");
        foreach (var size in sizes)
        {
            table.Add(size.Name ?? "biases, norms and the rest", Units.Count(size.NonZerosBefore), Units.Count(size.NonZeros), Units.Bytes(size.BytesBefore), Units.Bytes(size.Bytes));
        }

        return Html.Of($"""
            {Html.Join(charts)}<details><summary>All {layers.Count.ToString(CultureInfo.InvariantCulture)} layers</summary>
            {table.ToHtml()}</details>

            """);
    }

    private Html Draw(HtmlPage page, string title, ChartUnit unit, IReadOnlyList<LayerSize> layers, Func<LayerSize, long> first, Func<LayerSize, long> now)
    {
        var (total, left) = (layers.Sum(first), layers.Sum(now));
        Func<double, string> write = unit == ChartUnit.Bytes ? Units.Bytes : number => Units.Scaled(number);
        return page.Draw(new Chart(
            ChartForm.Columns, unit, title, $"{layers.Count} layers, together {write(total)} before and {write(left)} now; the table below has all", [.. layers.Select(layer => layer.Name!)],
            [new ChartSeries(before.Name, false, [.. layers.Select(layer => (double?)first(layer))]), new ChartSeries(after.Name, true, [.. layers.Select(layer => (double?)now(layer))])])
        {
            AxisTitle = "layers, from first to last",
        });
    }
}
