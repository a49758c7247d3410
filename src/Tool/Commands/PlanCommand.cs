using System.Text.Json.Nodes;
using CompressTool.Recipes.Execution;
using CompressTool.Recipes.Planning;
using CompressTool.Tool.CommandLine;
using CompressTool.Tool.Output;
using CompressTool.Tool.Running;

namespace CompressTool.Tool.Commands;

/// <summary>Says what running a recipe would do, and why.</summary>
internal sealed class PlanCommand : ToolCommand
{
    private readonly RecipeOptions _recipe = new();

    public PlanCommand()
        : base("plan", "Check a recipe and say which stages would run, and why, without running them.")
    {
        _recipe.AddTo(this);
    }

    public override Task<int> RunAsync(CommandContext context)
    {
        if (RecipeSession.Open(_recipe.Request(context), context.Console.Report, context.CancellationToken) is not { } session)
        {
            return Task.FromResult(ExitCodes.Usage);
        }

        var stages = session.Plan.Stages.Select(stage => (Stage: stage, Cached: session.Store.Find(stage.Key) is not null)).ToList();
        var verdict = session.Recipe.Gates.Count == 0 ? null : session.State.LastVerdict(session.Plan.GatesKey);
        string Why(PlannedStage stage, bool cached) => cached ? "in the store" : Reason.Explain(session.State.LastRun(stage.Id)?.Ingredients, stage.Ingredients);

        var json = new JsonObject
        {
            ["recipe"] = session.Recipe.Name,
            ["model"] = session.Plan.Input.Path,
            ["stages"] = new JsonArray([.. stages.Select(item => new JsonObject
            {
                ["name"] = item.Stage.Id,
                ["kind"] = item.Stage.Kind,
                ["key"] = item.Stage.Key,
                ["status"] = item.Cached ? "cached" : "missing",
                ["reason"] = Why(item.Stage, item.Cached),
                ["ingredients"] = item.Stage.Ingredients.DeepClone(),
            })]),
            ["gates"] = new JsonArray([.. session.Recipe.Gates.Select(gate => new JsonObject { ["kind"] = gate.Gate.Info.Kind, ["known"] = verdict is not null })]),
        };
        context.WriteResult(json, output =>
        {
            var table = new TableWriter("stage", "status", "why", "key");
            foreach (var (stage, cached) in stages)
            {
                table.Add(stage.Id, cached ? "cached" : "would run", Why(stage, cached), stage.Key[..12]);
            }

            foreach (var gate in session.Recipe.Gates)
            {
                table.Add($"gate {gate.Gate.Info.Kind}", verdict is null ? "would run" : "known", "", "");
            }

            table.Write(output);
        });
        return Task.FromResult(ExitCodes.Success);
    }
}
