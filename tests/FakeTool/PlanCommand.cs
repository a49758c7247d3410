using System.Text.Json;
using CompressTool.Recipes.Build;

namespace CompressTool.FakeTool;

/// <summary>What the stages need to know of the plan; kept in the folder as plan.json.</summary>
internal sealed record PlanState(string Name, string Recipe, string Model, string Cache, List<PlanState.Stage> Stages, Dictionary<string, string> Settings)
{
    /// <summary>File name of the model.</summary>
    public string Output => Settings.GetValueOrDefault("output", Name + ".onnx");

    /// <summary>The report, relative to the folder.</summary>
    public string Report => $"artifacts/{Path.ChangeExtension(Output, ".report.html")}";

    public sealed record Stage(string Id, string Kind, string Value, int Line);

    public static PlanState Read(string folder) =>
        JsonSerializer.Deserialize<PlanState>(File.ReadAllText(Path.Combine(folder, "plan.json")))!;
}

internal static class PlanCommand
{
    public static int Run(CommandLine arguments)
    {
        var folder = arguments.One("--folder");
        var file = arguments.One("--recipe");
        var name = RecipeName.FromFolder(folder);
        var variables = arguments.All("--set").Select(set => set.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        var recipe = Recipe.Read(file, variables);
        if (recipe.Settings.TryGetValue("plan-error", out var error))
        {
            Protocol.Diagnostic("error", "CMP1004", error.Value, file, error.Line, 13);
            return 2;
        }

        if (recipe.Settings.TryGetValue("plan-warning", out var warning))
        {
            Protocol.Diagnostic("warning", "CMP1099", warning.Value, file, warning.Line, 15);
        }

        List<PlanState.Stage> stages = [.. recipe.Stages.Select((stage, i) => new PlanState.Stage($"{i + 1:00}-{stage.Kind}", stage.Kind, stage.Value, stage.Line))];
        var settings = recipe.Settings.ToDictionary(setting => setting.Key, setting => setting.Value.Value);
        var state = new PlanState(name, file, recipe.Model, arguments.One("--cache"), stages, settings);
        GeneratedFile.WriteIfDifferent(Path.Combine(folder, "plan.json"), JsonSerializer.Serialize(state));
        CodeWriter.Write(folder, new ModelCode
        {
            Namespace = arguments.One("--root-namespace"),
            ClassName = arguments.One("--class-name"),
            RecipeFileName = Path.GetFileName(file),
            TargetPath = $"{arguments.One("--model-folder").TrimEnd('/')}/{state.Output}",
            Inputs = [new("sample", "float32", [new(null, "batch"), new(3)])],
            Outputs = [new("out_sample", "float32", [new(null, "batch"), new(3)])],
        });
        ProjectWriter.Write(new ProjectPlan
        {
            Name = name,
            Folder = folder,
            RecipeFileName = Path.GetFileName(file),
            Stages = [.. stages.Select((stage, i) => new ProjectStage(stage.Id, $"{stage.Kind}={stage.Value}\n", i == 0 ? [recipe.Model] : []))],
            FinishArgsText = string.Concat(stages.Select(stage => $"{stage.Id}={stage.Value}\n"))
                + string.Concat(settings.Where(setting => setting.Key is "gate" or "external-data" or "output" or "report").Select(setting => $"{setting.Key}={setting.Value}\n")),
            FinishInputs = [recipe.Model],
            Artifacts = [$"artifacts/{state.Output}", $"artifacts/{Path.ChangeExtension(state.Output, ".json")}", .. settings.ContainsKey("report") ? [state.Report] : Array.Empty<string>()],
        });
        var images = settings.TryGetValue("images", out var pattern) ? Path.GetFullPath(pattern, Path.GetDirectoryName(file)!) : null;
        GeneratedFile.WriteIfDifferent(Path.Combine(folder, "plan.globs"), images is null ? "" : images + "\n");
        string?[] dependencies = [file, recipe.Model, arguments.Optional("--assets"), .. images is null ? [] : Directory.GetFiles(Path.GetDirectoryName(images)!, Path.GetFileName(images))];
        GeneratedFile.WriteIfDifferent(Path.Combine(folder, "plan.d"), string.Concat(dependencies.OfType<string>().Select(path => path + "\n")));
        GeneratedFile.Write(Path.Combine(folder, "plan.stamp"), string.Empty);
        return 0;
    }
}
