using System.CommandLine;
using System.Text.Json.Nodes;
using CompressTool.Recipes.Execution;
using CompressTool.Runtime.Engine;
using CompressTool.Tool.CommandLine;
using CompressTool.Tool.Output;
using CompressTool.Tool.Running;

namespace CompressTool.Tool.Commands;

/// <summary>Runs a recipe: what is missing is made, the gates are asked, the finished model is put into a folder.</summary>
internal sealed class RunCommand : ToolCommand
{
    private readonly RecipeOptions _recipe = new();
    private readonly Option<string?> _output = new("--output", "-o")
    {
        Description = "The folder for the finished model and its manifest; without it the model stays in the store.",
        HelpName = "FOLDER",
    };

    public RunCommand()
        : base("run", "Run a recipe: make what is missing, ask the gates, and put the finished model into a folder.")
    {
        _recipe.AddTo(this);
        Add(_output);
    }

    public override Task<int> RunAsync(CommandContext context)
    {
        if (RecipeSession.Open(_recipe.Request(context), context.Console.Report, context.CancellationToken) is not { } session)
        {
            return Task.FromResult(ExitCodes.Usage);
        }

        using var observer = new ConsoleObserver(context.Console, session.Plan.Input.Bytes);
        var executor = new Executor(session.Store, new OnnxRuntimeEngine(), observer);
        var outcome = executor.Run(session.Plan, session.State, context.CancellationToken);
        var published = context.Get(_output) is { } folder && outcome.Passed
            ? Publisher.Publish(session.Plan, outcome.Artifact, outcome.Gates, executor.Report(session.Plan, outcome.Gates, session.State, context.CancellationToken), folder, context.CancellationToken) : [];
        context.WriteResult(Describe(session, outcome, published), output => Write(output, session, outcome, published));
        return Task.FromResult(outcome.Passed ? ExitCodes.Success : ExitCodes.Failed);
    }

    private static JsonObject Describe(RecipeSession session, RunOutcome outcome, IReadOnlyList<PublishedModel> published) => new()
    {
        ["recipe"] = session.Recipe.Name,
        ["stages"] = new JsonArray([.. outcome.Stages.Select(stage => new JsonObject
        {
            ["name"] = stage.Stage.Id,
            ["kind"] = stage.Stage.Kind,
            ["key"] = stage.Stage.Key,
            ["status"] = stage.Status == StageStatus.Built ? "built" : "cached",
            ["seconds"] = Math.Round(stage.Seconds, 3),
            ["reason"] = stage.Reason,
            ["bytes"] = stage.Artifact.Bytes,
            ["metrics"] = stage.Artifact.Metrics.DeepClone(),
        })]),
        ["gates"] = new JsonArray([.. outcome.Gates.Select(gate => new JsonObject
        {
            ["kind"] = gate.Kind,
            ["passed"] = gate.Passed,
            ["measured"] = gate.Measured,
            ["text"] = gate.Text,
        })]),
        ["artifact"] = published.Count > 0 ? published[0].ModelPath : outcome.Artifact.ModelPath,
        ["report"] = published.Count > 0 ? published[0].ReportPath : null,
        ["bytes"] = outcome.Artifact.Bytes,
        ["inputBytes"] = session.Plan.Input.Bytes,
    };

    private static void Write(TextWriter output, RecipeSession session, RunOutcome outcome, IReadOnlyList<PublishedModel> published)
    {
        var table = new TableWriter("stage", "status", ">time", ">size", "why");
        table.Add("(input)", "", "", Units.Bytes(session.Plan.Input.Bytes), session.Recipe.Model.Text);
        foreach (var stage in outcome.Stages)
        {
            table.Add(stage.Stage.Id, stage.Status == StageStatus.Built ? "built" : "cached", Units.Duration(TimeSpan.FromSeconds(stage.Seconds)), Units.Bytes(stage.Artifact.Bytes), stage.Reason);
        }

        table.Write(output);
        foreach (var gate in outcome.Gates)
        {
            output.WriteLine($"gate {gate.Kind}: {(gate.Passed ? "passed" : "FAILED")}, {gate.Text}");
        }

        output.WriteLine($"{session.Recipe.Name} -> {(published.Count > 0 ? published[0].ModelPath : outcome.Artifact.ModelPath)}");
        foreach (var report in published.Select(model => model.ReportPath).OfType<string>())
        {
            output.WriteLine($"report -> {report}");
        }
    }
}
