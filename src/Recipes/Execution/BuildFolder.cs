using System.Text.Json;
using CompressTool.Compression.Options;
using CompressTool.Diffusion.Data;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Build;
using CompressTool.Recipes.Language;
using CompressTool.Recipes.Planning;
using CompressTool.Recipes.Reports;
using CompressTool.Recipes.Store;

namespace CompressTool.Recipes.Execution;

/// <summary>What a build tells the planning step, kept for the steps after it.</summary>
public sealed record BuildSettings
{
    /// <summary>The recipe, its variables, and the folders.</summary>
    public required RecipeRequest Request { get; init; }

    /// <summary>Namespace of the generated class.</summary>
    public required string RootNamespace { get; init; }

    /// <summary>Name of the generated class.</summary>
    public required string ClassName { get; init; }

    /// <summary>Folder of the model below the application's folder.</summary>
    public required string ModelFolder { get; init; }

    /// <summary>Path of the native ONNX Runtime library; null looks for it.</summary>
    public string? OnnxRuntime { get; init; }

    /// <summary>The project's project.assets.json; null when there is none.</summary>
    public string? AssetsFile { get; init; }
}

/// <summary>
/// The folder of one recipe below obj/compress, as MSBuild drives it: planning writes the generated project into it, then
/// every stage is a step of its own, then the gates and the publishing.
/// </summary>
/// <param name="folder">Full path of the folder.</param>
public sealed class BuildFolder(string folder)
{
    private const string SettingsName = "settings.json";
    private const string ArtifactsName = "artifacts";

    /// <summary>Full path.</summary>
    public string Path { get; } = System.IO.Path.GetFullPath(folder);

    /// <summary>The folder of the finished models.</summary>
    public string ArtifactsPath => System.IO.Path.Combine(Path, ArtifactsName);

    /// <summary>Writes the generated project, the arguments of its stages and the class. Files whose text is the same keep their time.</summary>
    public void WritePlan(BuildSettings settings, Plan plan)
    {
        GeneratedFile.WriteIfDifferent(File(SettingsName), JsonSerializer.Serialize(settings, s_json) + "\n");
        ProjectWriter.Write(new ProjectPlan
        {
            Name = plan.Name,
            Folder = Path,
            RecipeFileName = System.IO.Path.GetFileName(plan.Recipe.Path),
            Stages = [.. plan.Stages.Select(stage => new ProjectStage(stage.Id, JsonText.Indented(stage.Ingredients), []))],
            FinishArgsText = $"{plan.GatesKey}\n{string.Join('\n', plan.Recipe.Outputs.Select(output => output.FileName))}\n{(plan.Recipe.Report is null ? "" : "report\n")}",
            Artifacts = [.. PublishedNames(plan).Select(name => $"{ArtifactsName}/{name}")],
        });
        WriteCode(settings, plan);
        GeneratedFile.WriteIfDifferent(File("plan.d"), Lines([plan.Recipe.Path, .. plan.Input.Files.Select(file => file.Path), .. plan.Recipe.Files.Select(file => file.Path.FullPath),
            .. plan.Recipe.FileSets.SelectMany(files => FileSet.Find(files.FullPath, ImageSetReader.Extensions).Paths)]));
        GeneratedFile.WriteIfDifferent(File("plan.globs"), Lines(plan.Recipe.FileSets.SelectMany(Globs)));
        GeneratedFile.Write(File("plan.stamp"), plan.Stages[^1].Key + "\n");
    }

    /// <summary>Patterns, as MSBuild understands them, of what is in a set of files: it then sees also files that are new or gone.</summary>
    private static IEnumerable<string> Globs(RecipeFiles files) =>
        Directory.Exists(files.FullPath) ? ImageSetReader.Extensions.Select(extension => $"{files.FullPath}/**/*{extension}") : [files.FullPath];

    /// <summary>The settings of the last planning.</summary>
    /// <exception cref="CompressToolException">There was none, or the file is damaged.</exception>
    public BuildSettings ReadSettings()
    {
        try
        {
            return JsonSerializer.Deserialize<BuildSettings>(System.IO.File.ReadAllText(File(SettingsName)), s_json)
                ?? throw new JsonException("it is empty");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CompressToolException(StoreErrors.PlanUnusable, $"'{File(SettingsName)}' cannot be read ({e.Message}); build again", inner: e);
        }
    }

    /// <summary>Writes the stamp that says that the last step is done, and removes what stages that are gone have left behind.</summary>
    public void Finish(Plan plan)
    {
        var stages = plan.Stages.Select(stage => stage.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(Path).ToList())
        {
            var name = System.IO.Path.GetFileNameWithoutExtension(file);
            if (System.IO.Path.GetExtension(file) is ".args" or ".stamp" or ".d" && char.IsAsciiDigit(name[0]) && !stages.Contains(name))
            {
                System.IO.File.Delete(file);
            }
        }

        // Left by a build that was killed while it cancelled; each name is used once.
        foreach (var file in Directory.EnumerateFiles(Path, "cancel-*").Where(file => DateTime.UtcNow - System.IO.File.GetLastWriteTimeUtc(file) > TimeSpan.FromHours(1)).ToList())
        {
            System.IO.File.Delete(file);
        }

        var outputs = PublishedNames(plan).Concat(plan.Recipe.Outputs.Select(output => output.FileName + ".data")).ToHashSet(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(ArtifactsPath).Where(file => !outputs.Contains(System.IO.Path.GetFileName(file))).ToList())
        {
            System.IO.File.Delete(file);
        }

        foreach (var other in Directory.EnumerateDirectories(ArtifactsPath).Where(other => plan.Recipe.Outputs.All(output => output.Format != OutputFormat.Diffusers || output.FileName != System.IO.Path.GetFileName(other))).ToList())
        {
            Directory.Delete(other, recursive: true);
        }

        GeneratedFile.Write(File("finish.stamp"), plan.GatesKey + "\n");
    }

    /// <summary>What tells that everything is published: models, manifests and reports, below the folder of finished models.</summary>
    private static IEnumerable<string> PublishedNames(Plan plan) => plan.Recipe.Outputs.SelectMany(output => output.Format == OutputFormat.Diffusers
        ? new[] { $"{output.FileName}/{DiffusersOutput.ConfigName}", $"{output.FileName}/{DiffusersOutput.ManifestName}" }
        : [output.FileName, System.IO.Path.ChangeExtension(output.FileName, ".json"), .. plan.Recipe.Report is null ? Array.Empty<string>() : [RecipeReport.FileName(output.FileName)]]);

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, NewLine = "\n" };

    private static string Lines(IEnumerable<string> lines) => string.Concat(lines.Distinct(StringComparer.Ordinal).Select(line => line + "\n"));

    private static ModelTensor Describe(Value value) => new(
        value.Name, value.ElementType.DisplayName(), value.Shape?.Select(dim => new ModelDimension(dim.Value, dim.Symbol)).ToList());

    private string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>The class names the model's inputs and outputs, which the plan knows before any stage has run.</summary>
    private void WriteCode(BuildSettings settings, Plan plan)
    {
        using var model = plan.Input.Open();
        foreach (var stage in plan.Stages)
        {
            stage.Stage.DescribeInterface(model.Graph, stage.Options.Value);
        }

        var defaults = model.Graph.Inputs.Where(input => input.Initializer is null);
        CodeWriter.Write(Path, new ModelCode
        {
            Namespace = settings.RootNamespace,
            ClassName = settings.ClassName,
            RecipeFileName = System.IO.Path.GetFileName(plan.Recipe.Path),
            TargetPath = $"{settings.ModelFolder.TrimEnd('/', '\\')}/{plan.Recipe.Outputs[0].FileName}",
            Inputs = [.. defaults.Select(Describe)],
            Outputs = [.. model.Graph.Outputs.Select(Describe)],
        });
    }
}
