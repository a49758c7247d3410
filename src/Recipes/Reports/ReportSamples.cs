using System.Globalization;
using CompressTool.Compression.Evaluation.Images;
using CompressTool.Diffusion.Metrics;
using CompressTool.Diffusion.Pictures;

namespace CompressTool.Recipes.Reports;

/// <summary>Samples of a diffusion model, and of the one it was made from.</summary>
public sealed record ReportSamples
{
    /// <summary>The grid of the model's samples, a PNG file.</summary>
    public required byte[] Grid { get; init; }

    /// <summary>The grid of the samples that the other model draws from the same noise; null when there are none.</summary>
    public byte[]? GridBefore { get; init; }

    /// <summary>How they were drawn, e.g. <c>16 samples, ddim, 20 steps, seed 0</c>.</summary>
    public required string Description { get; init; }

    /// <summary>What the figures that need a reference compare with, e.g. <c>800 images</c>.</summary>
    public required string Reference { get; init; }

    /// <summary>The figures.</summary>
    public required IReadOnlyList<ImageFigure> Figures { get; init; }

    /// <summary>Evaluations of the model for one image.</summary>
    public int Evaluations { get; init; }

    /// <summary>Multiplications for one image; null when they were not counted.</summary>
    public double? Macs { get; init; }

    /// <summary>Those of the other model.</summary>
    public double? MacsBefore { get; init; }

    /// <summary>The section.</summary>
    /// <param name="before">What the other model is called.</param>
    /// <param name="after">What the model is called.</param>
    internal Html Write(string before, string after)
    {
        var first = GridBefore is null ? Html.Empty : Picture(GridBefore, before);
        return Html.Of($"""
            <div class="grids">
            {first}{Picture(Grid, after)}</div>
            <p class="remark">{Description}{(GridBefore is null ? "" : "; each place of both grids began with the same noise")}.</p>
            {Table(before, after)}
            """);
    }

    private static Html Picture(byte[] png, string model)
    {
        var picture = PictureFile.Decode(png, "grid");
        return Html.Of($"""
            <figure><img src="data:image/png;base64,{Convert.ToBase64String(png)}" width="{picture.Width}" height="{picture.Height}" alt="Grid of samples of {model}"><figcaption>{model}</figcaption></figure>

            """);
    }

    private Html Table(string before, string after)
    {
        if (Figures.Count == 0)
        {
            return Html.Empty;
        }

        var both = Figures.Any(figure => figure.Input is not null);
        var table = both ? new HtmlTable("Figures of the samples", "", $">{before}", $">{after}", ">N", "better") : new HtmlTable("Figures of the samples", "", $">{after}", ">N", "better");
        foreach (var figure in Figures)
        {
            var meaning = FigureMeaning.Of(figure.Name);
            string[] cells = [Number(figure.Model), figure.Model.Count.ToString(CultureInfo.InvariantCulture), meaning.IsLowBetter ? "low" : "high"];
            var name = Html.Of($"<span title=\"{meaning.Text}\">{figure.Name}</span>");
            table.Add([name, .. (both ? [figure.Input is { } input ? Number(input) : "", .. cells] : cells).Select(cell => Html.Of($"{cell}"))]);
        }

        var list = Html.Join(Figures.Select(figure => Html.Of($"<dt>{figure.Name}</dt><dd>{FigureMeaning.Of(figure.Name).Text}</dd>\n")));
        var few = Figures.Any(figure => FigureMeaning.Of(figure.Name).NeedsMany && figure.Model.Count < 1000)
            ? "Distances of sets of images need 1000 images and more to be worth their name; of fewer they come out too large, and only compare with others of the same number. " : "";
        return Html.Of($"""
            {table.ToHtml()}<p class="remark">{few}± is half the width of an interval of 95 % confidence. The reference is: {Reference}.</p>
            <details><summary>What the figures are</summary><dl>
            {list}</dl></details>

            """);
    }

    private static string Number(Estimate estimate) => estimate.Error is { } error ? $"{Units.Significant(estimate.Value)} ± {Units.Significant(error)}" : Units.Significant(estimate.Value);
}

/// <summary>What a figure of images says.</summary>
/// <param name="Text">A sentence.</param>
/// <param name="IsLowBetter">Whether less is better.</param>
/// <param name="NeedsMany">Whether it is worth little with few images.</param>
internal sealed record FigureMeaning(string Text, bool IsLowBetter, bool NeedsMany = false)
{
    private static readonly Dictionary<string, FigureMeaning> s_known = new(StringComparer.Ordinal)
    {
        ["fid"] = new("Fréchet distance of the features of samples from those of the reference: how far the two sets of images are apart.", true, true),
        ["kid"] = new("Kernel distance of the features of samples from those of the reference: the same question, without bias for few images.", true, true),
        ["precision"] = new("Share of samples that lie among the reference: their quality.", false, true),
        ["recall"] = new("Share of the reference that lies among the samples: their variety.", false, true),
        ["ssim"] = new("Structural similarity of samples of both models from the same noise; 1 is equal.", false),
        ["image-psnr"] = new("Peak signal-to-noise ratio of samples of both models from the same noise, in dB.", false),
        ["lpips"] = new("Perceptual distance of samples of both models from the same noise.", true),
        ["clip-score"] = new("Cosine of the embeddings of samples and their captions.", false),
    };

    /// <summary>What a figure says; the name of the features may be in front of it: shapes-fid.</summary>
    public static FigureMeaning Of(string name)
    {
        if (s_known.TryGetValue(name, out var known))
        {
            return known;
        }

        var prefix = FeatureExtractor.DefaultName + "-";
        return name.StartsWith(prefix, StringComparison.Ordinal) && s_known.TryGetValue(name[prefix.Length..], out var own)
            ? own with { Text = own.Text + " By the features of the tool's own small model, trained on drawn shapes: not to be compared with figures of papers." }
            : new FigureMeaning("", false);
    }
}
