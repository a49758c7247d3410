using CompressTool.Recipes.Build;

namespace CompressTool.FakeTool;

internal static class FinishCommand
{
    public static int Run(CommandLine arguments)
    {
        var folder = arguments.One("--folder");
        var plan = PlanState.Read(folder);
        using var guard = StageCommand.Lock(folder);
        if (plan.Settings.TryGetValue("gate", out var gate) && gate.Length > 0)
        {
            Protocol.Diagnostic("error", "CMP5001", gate, plan.Recipe, 1, 1);
            return 1;
        }

        var text = File.ReadAllText(StageCommand.Input(folder, plan, plan.Stages.Count));
        var model = Path.Combine(folder, "artifacts", plan.Output);
        GeneratedFile.WriteIfDifferent(model, text);
        if (plan.Settings.ContainsKey("external-data"))
        {
            GeneratedFile.WriteIfDifferent(model + ".data", text);
        }
        else
        {
            File.Delete(model + ".data");
        }

        if (plan.Settings.ContainsKey("report"))
        {
            GeneratedFile.WriteIfDifferent(Path.Combine(folder, plan.Report), text);
        }
        else
        {
            File.Delete(Path.Combine(folder, plan.Report));
        }

        GeneratedFile.WriteIfDifferent(Path.ChangeExtension(model, ".json"), new ModelManifest
        {
            Name = plan.Name,
            ModelFileName = plan.Output,
            Sha256 = StageCommand.Hash(text),
            Bytes = text.Length,
            Parameters = text.Count(c => c == '\n'),
            Metrics = new Dictionary<string, double> { ["sparsity"] = 0.5 },
        }.ToJson());
        DeleteOutsidePlan(folder, plan);
        GeneratedFile.Write(Path.Combine(folder, "finish.stamp"), string.Empty);
        return 0;
    }

    private static void DeleteOutsidePlan(string folder, PlanState plan)
    {
        foreach (var file in Directory.GetFiles(Path.Combine(folder, "artifacts")).Where(file => !Path.GetFileName(file).StartsWith(Path.ChangeExtension(plan.Output, null), StringComparison.Ordinal)))
        {
            File.Delete(file);
        }

        foreach (var stamp in Directory.GetFiles(folder, "??-*.stamp"))
        {
            var id = Path.GetFileNameWithoutExtension(stamp);
            if (plan.Stages.All(stage => stage.Id != id))
            {
                File.Delete(stamp);
                File.Delete(Path.ChangeExtension(stamp, ".args"));
                File.Delete(Path.ChangeExtension(stamp, ".d"));
            }
        }
    }
}
