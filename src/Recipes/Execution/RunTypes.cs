using CompressTool.Recipes.Language;
using CompressTool.Recipes.Planning;
using CompressTool.Recipes.Store;

namespace CompressTool.Recipes.Execution;

/// <summary>Watches a run.</summary>
public interface IRunObserver
{
    /// <summary>A stage is about to work.</summary>
    /// <param name="stage">Which.</param>
    /// <param name="reason">Why it runs.</param>
    void StageStarted(PlannedStage stage, string reason);

    /// <summary>A stage or the gates got on.</summary>
    /// <param name="name">The stage's id, or <c>gates</c>.</param>
    /// <param name="fraction">The share done, 0 to 1.</param>
    /// <param name="activity">What is being done.</param>
    void Progressed(string name, double fraction, string activity);

    /// <summary>A stage is done, by work or from the store.</summary>
    void StageFinished(StageOutcome outcome);

    /// <summary>A gate gave its verdict.</summary>
    void GateFinished(GateOutcome outcome);

    /// <summary>A warning or error for the user.</summary>
    void Report(Diagnostic diagnostic);

    /// <summary>A remark for the user, e.g. that another build is being waited for.</summary>
    void Remark(string text);
}

/// <summary>Whether a stage worked.</summary>
public enum StageStatus
{
    /// <summary>Its artifact was in the store.</summary>
    Cached,

    /// <summary>Its artifact was made now.</summary>
    Built,
}

/// <summary>What became of a stage.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Artifact">Its artifact.</param>
/// <param name="Status">Whether it worked.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Reason">Why it ran, or why it did not have to.</param>
public sealed record StageOutcome(PlannedStage Stage, Artifact Artifact, StageStatus Status, double Seconds, string Reason);

/// <summary>A gate's verdict.</summary>
/// <param name="Kind">The kind of gate.</param>
/// <param name="Passed">False fails the run.</param>
/// <param name="Measured">What was measured, in the gate's unit.</param>
/// <param name="Text">The verdict in words.</param>
/// <param name="Cached">True when the verdict was known from an earlier run.</param>
public sealed record GateOutcome(string Kind, bool Passed, double Measured, string Text, bool Cached);

/// <summary>What a run came to.</summary>
/// <param name="Stages">The stages, in order.</param>
/// <param name="Gates">The gates' verdicts; empty when there are none.</param>
public sealed record RunOutcome(IReadOnlyList<StageOutcome> Stages, IReadOnlyList<GateOutcome> Gates)
{
    /// <summary>The final artifact.</summary>
    public Artifact Artifact => Stages[^1].Artifact;

    /// <summary>True when every gate passed.</summary>
    public bool Passed => Gates.All(gate => gate.Passed);
}
