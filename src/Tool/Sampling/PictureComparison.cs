using System.Globalization;
using System.Text.Json.Nodes;
using CompressTool.Compression.Evaluation.Images;
using CompressTool.Diffusion.Metrics;
using CompressTool.Diffusion.Pictures;
using CompressTool.Diffusion.Sampling;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Tool.CommandLine;
using CompressTool.Tool.Inference;

namespace CompressTool.Tool.Sampling;

/// <summary>What two diffusion models draw from the same noise, and how far that is apart.</summary>
internal sealed class PictureComparison
{
    /// <summary>Fewer are no sets whose distance could be measured.</summary>
    private const int FewestForDistances = 5;

    /// <summary>Pixels between the two grids.</summary>
    private const int Gap = 8;

    private PictureComparison(Picture before, Picture after, ReportSamples samples) => (Before, After, Samples) = (before, after, samples);

    /// <summary>The grid of the first model.</summary>
    public Picture Before { get; }

    /// <summary>The grid of the other one.</summary>
    public Picture After { get; }

    /// <summary>Both for the report, with the figures.</summary>
    public ReportSamples Samples { get; }

    /// <summary>Draws and compares.</summary>
    /// <param name="context">The command line.</param>
    /// <param name="arguments">How samples are drawn.</param>
    /// <param name="before">The first model: sampler, decoder and classes are for it.</param>
    /// <param name="after">The other one.</param>
    /// <param name="count">How many samples of each.</param>
    /// <param name="seed">What the noise depends on.</param>
    /// <param name="options">How models run.</param>
    /// <exception cref="CompressToolException">One draws no pictures, or not so.</exception>
    public static PictureComparison Run(CommandContext context, SamplingArguments arguments, ModelFile before, ModelFile after, int count, long seed, EngineOptions options)
    {
        var engine = new OnnxRuntimeEngine();
        using var first = SampledModel.Open(before.Given, null, engine, options, context.CancellationToken);
        using var second = SampledModel.Open(after.Given, null, engine, options, context.CancellationToken);
        using var decoder = first.OpenDecoder(arguments.Decoder(context), engine, options, context.CancellationToken);
        var sampling = arguments.Read(context, first, decoder, null, count);
        var shape = first.Denoiser.SampleShape(sampling.Shape);
        SamplingArguments.CheckPictures(shape, decoder);
        var choice = arguments.ChooseSampler(context, first, shape);
        if (choice.TakesFractions)
        {
            first.AllowFractions(engine, options, context.CancellationToken);
            second.AllowFractions(engine, options, context.CancellationToken);
        }

        var (ofFirst, ofSecond) = (Draw("sample the first", first), Draw("sample the second", second));
        var comparison = new ImageComparison();
        comparison.AddPairs(ofSecond, ofFirst, null, context.CancellationToken);
        if (count >= FewestForDistances)
        {
            using var features = FeatureExtractor.OpenDefault(engine);
            comparison.AddDistances(features, null, ofSecond, ofFirst, (ulong)seed, context.CancellationToken);
        }

        var evaluations = choice.Create().Timesteps.Count * (sampling.Guidance is null ? 1 : 2);
        var (grid, gridBefore) = (SampleGrid.Of(ofSecond), SampleGrid.Of(ofFirst));
        return new PictureComparison(gridBefore, grid, new ReportSamples
        {
            Grid = PictureFile.Encode(grid),
            GridBefore = PictureFile.Encode(gridBefore),
            Description = string.Create(CultureInfo.InvariantCulture, $"{(count == 1 ? "1 sample" : $"{count} samples")} of each model{(count > SampleGrid.Shown ? $", of which the first {SampleGrid.Shown} are shown" : "")}: {choice.Config.ClassName}, {choice.Settings.Steps} steps{(sampling.Guidance is { } guidance ? $", guidance {guidance.Scale:R}" : "")}, seed {seed}"),
            Reference = $"the samples of {before.Name}",
            Figures = comparison.Figures,
            Evaluations = evaluations,
            Macs = CostOf(after),
            MacsBefore = CostOf(before),
        });

        IReadOnlyList<Picture> Draw(string name, SampledModel model)
        {
            var samples = SamplingArguments.Draw(context, name, new SamplingLoop(model.Denoiser, choice.Create()), sampling, seed, decoder);
            return PictureConversion.ToPictures(samples.AsSpan<float>(), samples.Dims);
        }

        double CostOf(ModelFile file)
        {
            using var model = Model.Load(file.Path, new LoadOptions { AllowMissingWeights = true });
            using var made = first.LoadDecoder(arguments.Decoder(context));
            return ImageCost.Of(model, evaluations, shape, made).MacsWithAttention;
        }
    }

    /// <summary>Puts both grids side by side into a file.</summary>
    public void Write(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        PictureFile.Write(path, PictureGrid.Assemble([Before, After], 2, gap: Gap));
    }

    /// <summary>The figures for scripts.</summary>
    public JsonObject ToJson() => new(Samples.Figures.Select(figure => KeyValuePair.Create<string, JsonNode?>(figure.Name, figure.ToJson())));
}
