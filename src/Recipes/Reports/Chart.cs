using System.Text.Json.Nodes;

namespace CompressTool.Recipes.Reports;

/// <summary>The form of a chart.</summary>
public enum ChartForm
{
    /// <summary>A bar from left to right for each label, with the label before it: for a few.</summary>
    Bars,

    /// <summary>A column for each label, side by side and without their names: for many, such as the layers of a model.</summary>
    Columns,

    /// <summary>A line through points.</summary>
    Line,
}

/// <summary>How the numbers of a chart are written.</summary>
public enum ChartUnit
{
    /// <summary>As they are.</summary>
    Number,

    /// <summary>Shares of 1, as percent.</summary>
    Percent,

    /// <summary>As kB, MB and so on.</summary>
    Bytes,
}

/// <summary>The numbers of one model or measurement in a chart.</summary>
/// <param name="Name">What they are of.</param>
/// <param name="IsResult">Whether they stand in front, of the model that the report is about; false for what it is compared with.</param>
/// <param name="Values">A number for each label; null for none.</param>
public sealed record ChartSeries(string Name, bool IsResult, IReadOnlyList<double?> Values);

/// <summary>A chart. It is drawn by the script of the page; without one, the tables of the report tell the same.</summary>
/// <param name="Form">Its form.</param>
/// <param name="Unit">How numbers are written.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Description">What can be seen in it, for those who cannot see it.</param>
/// <param name="Labels">What the numbers are of; numbers themselves for a line.</param>
/// <param name="Series">The numbers; of columns the first stand behind the second.</param>
public sealed record Chart(ChartForm Form, ChartUnit Unit, string Title, string Description, IReadOnlyList<string> Labels, IReadOnlyList<ChartSeries> Series)
{
    /// <summary>What the axis of the labels shows; null where the labels say it.</summary>
    public string? AxisTitle { get; init; }

    /// <summary>What the script is told.</summary>
    internal JsonObject ToJson() => new()
    {
        ["form"] = Name(Form),
        ["unit"] = Name(Unit),
        ["axis"] = AxisTitle,
        ["labels"] = new JsonArray([.. Labels.Select(label => JsonValue.Create(label))]),
        ["series"] = new JsonArray([.. Series.Select(series => new JsonObject
        {
            ["name"] = series.Name,
            ["result"] = series.IsResult,
            ["values"] = new JsonArray([.. series.Values.Select(value => value is { } number && double.IsFinite(number) ? JsonValue.Create(number) : null)]),
        })]),
    };

    private static string Name<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
}
