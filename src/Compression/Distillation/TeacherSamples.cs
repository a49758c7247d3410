using System.Globalization;
using CompressTool.Compression.Sampling;
using CompressTool.Compression.Stages;
using CompressTool.Diffusion.Data;
using CompressTool.Diffusion.Sampling;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Distillation;

/// <summary>Images that a diffusion model draws itself: training without data (BK-SDM, Kim et al. 2023, and many others use the teacher so).</summary>
/// <param name="options">Which samples.</param>
/// <param name="training">The training they are for: its size, labels and noise.</param>
/// <param name="context">Where they are kept.</param>
internal sealed class TeacherSamples(SampleOptions options, TrainingOptions training, StageContext context)
{
    private const string FileName = "samples.safetensors";

    /// <summary>The samples of a teacher, drawn now or before.</summary>
    /// <param name="teacher">Full path of its model; null for the recipe's input model.</param>
    /// <exception cref="CompressToolException">The model cannot be sampled from, or its samples are no images.</exception>
    public ImageSet Open(string? teacher)
    {
        var path = teacher ?? context.SourcePath
            ?? throw Invalid("there is no input model to draw samples from");
        try
        {
            using var model = Model.Load(path);
            var config = training.Noise.SchedulerOf(model);
            var sampling = new PictureSampling(options, config);
            var artifact = new SharedArtifact("teacher-samples", new Dictionary<string, string>
            {
                ["teacher"] = Fingerprint(model, context),
                ["scheduler"] = sampling.Config.ToString(),
                ["options"] = (options with { Steps = sampling.Steps }).ToString(),
                ["size"] = string.Join('x', training.Data.Size),
                ["classes"] = KeepsNullClass ? "all but the last" : "all",
                ["engine"] = new OnnxRuntimeEngine().Version,
            }, folder => Draw(model, config, folder));
            var folder = context.Share?.Invoke(artifact) ?? MakeOnce(artifact);
            return ImageSetReader.Open(Path.Combine(folder, FileName), new ImageSetOptions());
        }
        catch (CompressToolException e)
        {
            e.OptionPath ??= "data.teacher-samples";
            throw;
        }
    }

    /// <summary>The hashes of all files of a model.</summary>
    public static string Fingerprint(string path, StageContext context)
    {
        using var model = Model.Load(path);
        return Fingerprint(model, context);
    }

    /// <inheritdoc cref="Fingerprint(string, StageContext)"/>
    public static string Fingerprint(Model model, StageContext context) => string.Join(' ', model.Files.Select(context.HashOf));

    /// <summary>Whether the last class of the model stands for none.</summary>
    private bool KeepsNullClass => options.Guidance != 1 || training.Data.LabelDropout > 0;

    private string MakeOnce(SharedArtifact artifact)
    {
        var folder = context.WorkFolder ?? throw Invalid("there is no folder to keep them in");
        Directory.CreateDirectory(folder);
        artifact.Make(folder);
        return folder;
    }

    private void Draw(Model model, SchedulerConfig config, string folder)
    {
        var (labelled, classes) = Classes(model.Graph);
        using var denoiser = new Denoiser(new OnnxRuntimeEngine().Compile(model.Path!, cancellationToken: context.CancellationToken));
        var sampling = new PictureSampling(options, config) { Size = SampleSize.Of(model, training.Data.Size), Classes = labelled ? classes : null, NullClass = labelled ? classes : null };
        PictureArrays.Write(Path.Combine(folder, FileName), sampling.Draw(denoiser, Report, context.CancellationToken), sampling.Labels, context.CancellationToken);

        void Report(double done) => context.Report(0, string.Create(CultureInfo.InvariantCulture, $"drawing samples from the teacher, {done:0} of {options.Count}"));
    }

    /// <summary>Whether the model takes classes, and how many may be drawn.</summary>
    private (bool Labelled, long Count) Classes(Graph graph)
    {
        var inputs = DiffusionInputs.Find(graph)
            ?? throw Invalid($"samples can be drawn from a teacher with inputs for samples, timesteps and perhaps class_labels, and this one has {string.Join(", ", graph.Inputs.Select(input => input.ToString()))}");
        if (inputs.Labels is null)
        {
            return options.Guidance == 1 ? (false, 0) : throw Invalid("the teacher has no classes to guide to; remove guidance");
        }

        var classes = inputs.Classes() ?? throw Invalid("the number of the teacher's classes cannot be seen from its graph; draw samples with 'dotnet compress sample' and give them as images");
        return (true, KeepsNullClass ? classes - 1 : classes);
    }

    private static CompressToolException Invalid(string message) => new(CompressionErrors.InvalidTraining, message);
}
