using System.Text.RegularExpressions;

namespace CompressTool.Recipes.Reports;

/// <summary>A table with a head; the first cell of each row says what the row is of.</summary>
/// <param name="caption">What it shows, for those who listen to the page; seen by all where it is not said above.</param>
/// <param name="columns">The columns, with <c>&gt;</c> in front for numbers, which are flush right.</param>
internal sealed partial class HtmlTable(string caption, params string[] columns)
{
    private readonly List<IReadOnlyList<Html>> _rows = [];

    /// <summary>The number of rows.</summary>
    public int Count => _rows.Count;

    /// <summary>Adds a row of text.</summary>
    public void Add(params string[] cells) => _rows.Add([.. cells.Select(cell => Html.Of($"{cell}"))]);

    /// <summary>Adds a row.</summary>
    public void Add(params Html[] cells) => _rows.Add(cells);

    /// <summary>The table; what is too wide for the page is scrolled in itself.</summary>
    public Html ToHtml() => Html.Of($"""
        <div class="table" tabindex="0" role="region" aria-label="{caption}"><table><caption>{caption}</caption>
        <thead><tr>{Html.Join(columns.Select(column => Html.Of($"<th scope=\"col\"{Align(column)}>{Breakable(column.TrimStart('>'))}</th>")))}</tr></thead>
        <tbody>
        {Html.Join(_rows.Select(Row))}</tbody></table></div>

        """);

    /// <summary>Names of files may go on in the next line behind their punctuation.</summary>
    private static Html Breakable(string text) => new(Punctuation.Replace(Html.Escape(text), "$0<wbr>"));

    private static Html Align(string column) => new(column.StartsWith('>') ? " class=\"number\"" : "");

    private Html Row(IReadOnlyList<Html> cells) => Html.Of($"<tr>{Html.Join(cells.Select((cell, index) => index == 0
        ? Html.Of($"<th scope=\"row\">{cell}</th>")
        : Html.Of($"<td{Align(columns[index])}>{cell}</td>")))}</tr>\n");

    [GeneratedRegex("[._-]+(?=.)")]
    private static partial Regex Punctuation { get; }
}
