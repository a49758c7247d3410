using CompressTool.Recipes.Execution;
using CompressTool.Recipes.Language;
using CompressTool.Recipes.Planning;
using CompressTool.Tool.Output;

namespace CompressTool.Tool.Running;

/// <summary>Shows a run on the console.</summary>
/// <param name="console">The console.</param>
/// <param name="bytes">Size of the model that the first stage works on, for the rate.</param>
internal sealed class ConsoleObserver(IToolConsole console, long bytes) : IRunObserver, IDisposable
{
    private long _bytes = bytes;
    private bool _inStage, _streamsBytes;
    private IStageDisplay? _display;
    private string _displayed = "";

    public void StageStarted(PlannedStage stage, string reason)
    {
        console.Info($"{stage.Id}: runs ({reason})");
        _inStage = true;
        // Bytes a second say something about stages that stream weights, nothing about those that compute on them.
        _streamsBytes = stage.Stage.Info.RunShare < 0.9;
        Show(stage.Id);
    }

    public void Progressed(string name, double fraction, string activity)
    {
        Show(name);
        _display?.Report(new(fraction, activity));
    }

    public void StageFinished(StageOutcome outcome)
    {
        Dispose();
        _inStage = false;
        _bytes = outcome.Artifact.Bytes;
        var size = Units.Bytes(outcome.Artifact.Bytes);
        var took = Units.Duration(TimeSpan.FromSeconds(outcome.Seconds));
        console.Info(outcome.Status == StageStatus.Built
            ? $"{outcome.Stage.Id}: built in {took}, {size}"
            : $"{outcome.Stage.Id}: up to date ({outcome.Reason}), {size}");
    }

    public void GateFinished(GateOutcome outcome)
    {
        Dispose();
        if (outcome.Passed)
        {
            console.Info($"gate {outcome.Kind}: passed, {outcome.Text}{(outcome.Cached ? " (known)" : "")}");
        }
    }

    public void Report(Diagnostic diagnostic)
    {
        Dispose();
        console.Report(diagnostic);
    }

    public void Remark(string text) => console.Info(text);

    /// <summary>Ends the display that is on.</summary>
    public void Dispose()
    {
        _display?.Dispose();
        _display = null;
        _displayed = "";
    }

    private void Show(string name)
    {
        if (_displayed != name)
        {
            Dispose();
            _display = _inStage && _streamsBytes ? console.StartProgress(name, _bytes, "B") : console.StartProgress(name);
            _displayed = name;
        }
    }
}

/// <summary>Diagnostics of the recipe language on the console.</summary>
internal static class DiagnosticConsole
{
    public static void Report(this IToolConsole console, Diagnostic diagnostic)
    {
        if (diagnostic.Severity == Severity.Error)
        {
            console.Error(diagnostic.Code, diagnostic.Message, diagnostic.Location);
        }
        else
        {
            console.Warning(diagnostic.Code, diagnostic.Message, diagnostic.Location);
        }
    }
}
