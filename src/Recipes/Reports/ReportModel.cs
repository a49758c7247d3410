namespace CompressTool.Recipes.Reports;

/// <summary>A model of a report.</summary>
/// <param name="Name">What the report calls it, e.g. its file.</param>
/// <param name="Facts">What it is.</param>
public sealed record ReportModel(string Name, ModelFacts Facts);
