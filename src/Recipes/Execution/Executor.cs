using System.Diagnostics;
using System.Security.Cryptography;
using CompressTool.Compression;
using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Evaluation.Images;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Language;
using CompressTool.Recipes.Planning;
using CompressTool.Recipes.Reports;
using CompressTool.Recipes.Store;
using CompressTool.Runtime.Engine;

namespace CompressTool.Recipes.Execution;

/// <summary>Runs plans in this process: what is in the store is taken from there, the rest is made and put there.</summary>
/// <param name="store">The store.</param>
/// <param name="engine">Runs models for gates.</param>
/// <param name="observer">Watches.</param>
public sealed class Executor(ArtifactStore store, IEngine engine, IRunObserver observer)
{
    /// <summary>Runs all stages and the gates.</summary>
    /// <exception cref="CompressToolException">A stage failed; the error has its place in the recipe.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; finished stages stay in the store.</exception>
    public RunOutcome Run(Plan plan, RunState state, CancellationToken cancellationToken)
    {
        var stages = plan.Stages.Select(stage => RunStage(plan, stage, state, cancellationToken)).ToList();
        return new RunOutcome(stages, EvaluateGates(plan, stages[^1].Artifact, state, cancellationToken));
    }

    /// <summary>Runs one stage. The stages before it must have run.</summary>
    /// <exception cref="CompressToolException">The stage failed; the error has its place in the recipe.</exception>
    public StageOutcome RunStage(Plan plan, PlannedStage stage, RunState state, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        try
        {
            var last = state.LastRun(stage.Id);
            var status = StageStatus.Cached;
            var reason = last?.Key == stage.Key ? "unchanged" : "found in the store";
            if (store.Find(stage.Key) is not { } artifact)
            {
                // Another build may be making the same artifact: wait for it, then look again.
                using var alone = store.Lock(stage.Key, () => observer.Remark($"{stage.Id}: waiting for another build that makes the same artifact"), cancellationToken);
                artifact = store.Find(stage.Key);
                reason = "made by another build meanwhile";
                if (artifact is null)
                {
                    status = StageStatus.Built;
                    reason = Reason.Explain(last?.Ingredients, stage.Ingredients);
                    observer.StageStarted(stage, reason);
                    artifact = store.Commit(stage.Key, folder => Make(plan, stage, folder, cancellationToken));
                }
            }

            foreach (var warning in artifact.Warnings)
            {
                Warn(stage, warning);
            }

            state.Record(stage, artifact);
            var outcome = new StageOutcome(stage, artifact, status, watch.Elapsed.TotalSeconds, reason);
            observer.StageFinished(outcome);
            return outcome;
        }
        catch (CompressToolException e)
        {
            stage.Locate(e);
            throw;
        }
    }

    /// <summary>Asks all gates; a verdict that is known from the last run is not asked for again.</summary>
    /// <exception cref="CompressToolException">A gate cannot measure; a gate that does not pass is an outcome, not an exception.</exception>
    public IReadOnlyList<GateOutcome> EvaluateGates(Plan plan, Artifact artifact, RunState state, CancellationToken cancellationToken)
    {
        var recipe = plan.Recipe;
        if (recipe.Gates.Count == 0)
        {
            return [];
        }

        if (state.LastVerdict(plan.GatesKey) is { } known)
        {
            foreach (var outcome in known)
            {
                observer.GateFinished(outcome);
            }

            return known;
        }

        var context = new GateContext
        {
            OriginalPath = InputPath(plan, cancellationToken),
            FinalPath = artifact.ModelPath,
            InputFiles = GivenInputs(recipe),
            Engine = engine,
            Evaluation = artifact.Kind == EvaluateStage.Kind ? artifact.Metrics : null,
            Seed = recipe.Seed,
            CancellationToken = cancellationToken,
        };
        var outcomes = new List<GateOutcome>();
        foreach (var (index, gate) in recipe.Gates.Index())
        {
            observer.Progressed("gates", index / (double)recipe.Gates.Count, gate.Gate.Info.Kind);
            try
            {
                var result = gate.Gate.Evaluate(gate.Options.Value, context);
                var advice = !result.Passed && gate.Gate.JudgesQuality ? Advice(plan) : null;
                var outcome = new GateOutcome(gate.Gate.Info.Kind, result.Passed, result.Measured, advice is null ? result.Text : $"{result.Text}; {advice}", Cached: false);
                outcomes.Add(outcome);
                observer.GateFinished(outcome);
                if (!result.Passed)
                {
                    observer.Report(new Diagnostic(Severity.Error, CompressionErrors.GateFailed, outcome.Text, gate.Options.Location));
                }
            }
            catch (CompressToolException e)
            {
                e.Location ??= gate.Options.LocationOf(e.OptionPath);
                throw;
            }
        }

        state.Record(plan.GatesKey, outcomes);
        return outcomes;
    }

    /// <summary>What the last stage that quantized says of its layers; null when there is none.</summary>
    private string? Advice(Plan plan) => plan.Stages.LastOrDefault(stage => stage.Kind == QuantizeStage.Kind) is { } quantized && store.Find(quantized.Key) is { } artifact
        ? QuantizationAdvice.For(artifact.Metrics) : null;

    /// <summary>What the recipe's reports tell; null when it asks for none. Stages whose artifacts have gone from the store meanwhile run again.</summary>
    /// <param name="plan">The plan, all stages of which have run.</param>
    /// <param name="gates">The verdicts.</param>
    /// <param name="state">What the last run did.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public RecipeReport? Report(Plan plan, IReadOnlyList<GateOutcome> gates, RunState state, CancellationToken cancellationToken) =>
        plan.Recipe.Report is null ? null : new RecipeReport(
            plan, [.. plan.Stages.Select(stage => store.Find(stage.Key) ?? RunStage(plan, stage, state, cancellationToken).Artifact)], gates, InputPath(plan, cancellationToken));

    /// <summary>Where the plan's input is as an .onnx file: that of a diffusers folder is made once and kept in the store.</summary>
    /// <exception cref="CompressToolException">It cannot be made; the error has its place in the recipe.</exception>
    private string InputPath(Plan plan, CancellationToken cancellationToken)
    {
        if (plan.Input.Import is not { } import)
        {
            return plan.Input.Path;
        }

        if (store.Find(import.Key) is { } present)
        {
            return present.ModelPath;
        }

        using var alone = store.Lock(import.Key, () => observer.Remark("waiting for another build that imports the same model"), cancellationToken);
        try
        {
            return (store.Find(import.Key) ?? store.Commit(import.Key, folder => MakeInput(plan, import, folder, cancellationToken))).ModelPath;
        }
        catch (CompressToolException e)
        {
            e.Location ??= plan.Recipe.Positions.LocationOf("model");
            throw;
        }
    }

    private Artifact MakeInput(Plan plan, PlannedImport import, string folder, CancellationToken cancellationToken)
    {
        observer.Remark($"importing {import.Component.ClassName} from {plan.Recipe.Model.Text}{(import.Component.Weights is null ? ", which has no weights: initialised at random" : "")}");
        using var model = plan.Input.Open();
        var files = model.Save(Path.Combine(folder, Artifact.ModelName), cancellationToken: cancellationToken);
        plan.Input.ThrowIfChanged();
        return new Artifact(folder, import.Key, PlannedImport.Kind, import.Ingredients, ToFiles(files), [], []);
    }

    private static IReadOnlyList<ArtifactFile> ToFiles(IEnumerable<SavedFile> files) =>
        [.. files.Select(file => new ArtifactFile(Path.GetFileName(file.Path), file.Length, file.Sha256))];

    private static Dictionary<string, string>? GivenInputs(Recipe recipe) => recipe.Inputs switch
    {
        null => null,
        { Safetensors: { } all } => NamesIn(all.FullPath).ToDictionary(name => name, _ => all.FullPath),
        { ByName: var files } => files.ToDictionary(item => item.Key, item => item.Value.FullPath),
    };

    private static IReadOnlyList<string> NamesIn(string safetensors)
    {
        using var file = SafetensorsFile.Open(safetensors);
        return file.Names;
    }

    private Artifact Make(Plan plan, PlannedStage stage, string folder, CancellationToken cancellationToken)
    {
        var sourcePath = InputPath(plan, cancellationToken);
        var inputPath = sourcePath;
        if (stage.Index > 0)
        {
            var previous = plan.Stages[stage.Index - 1];
            inputPath = store.Find(previous.Key)?.ModelPath
                ?? throw new CompressToolException(StoreErrors.ArtifactLost, $"the artifact of the stage '{previous.Id}' is no longer in the store; run again");
        }

        var warnings = new List<ArtifactWarning>();
        using var model = Model.Load(inputPath);
        var runShare = stage.Stage.Info.RunShare;
        var context = new StageContext
        {
            CancellationToken = cancellationToken,
            Seed = plan.Recipe.Seed,
            SourcePath = sourcePath,
            WorkFolder = store.WorkFolder(stage.Key),
            HashOf = path => store.Hashes.Get(path, cancellationToken),
            Share = artifact => Share(stage, artifact, cancellationToken),
            Progress = new DirectProgress<StageProgress>(progress => observer.Progressed(stage.Id, progress.Fraction * runShare, progress.Activity)),
            Warn = (code, message, path) => warnings.Add(new ArtifactWarning(code.Id, message, path)),
        };
        var result = stage.Stage.Run(model, stage.Options.Value, context);

        // Stages are lazy: much of the work happens while the result is written.
        var save = new SaveOptions { Progress = new DirectProgress<double>(fraction => observer.Progressed(stage.Id, runShare + (fraction * (1 - runShare)), "writing")) };
        var files = result.Model.Save(Path.Combine(folder, Artifact.ModelName), save, cancellationToken);
        if (stage.Index == 0)
        {
            plan.Input.ThrowIfChanged();
        }

        return new Artifact(folder, stage.Key, stage.Kind, stage.Ingredients, [.. ToFiles(files), .. Keep(result.Files, folder)], result.Metrics, warnings);
    }

    /// <summary>Writes the files that a stage wants beside its model.</summary>
    private static IEnumerable<ArtifactFile> Keep(IReadOnlyDictionary<string, byte[]> files, string folder)
    {
        foreach (var (name, content) in files.OrderBy(file => file.Key, StringComparer.Ordinal))
        {
            File.WriteAllBytes(Path.Combine(folder, name), content);
            yield return new ArtifactFile(name, content.Length, Convert.ToHexStringLower(SHA256.HashData(content)));
        }
    }

    /// <summary>What a stage needs beside its model: found in the store by what it is made of, or made now.</summary>
    private string Share(PlannedStage stage, SharedArtifact wanted, CancellationToken cancellationToken) =>
        store.Share(wanted, () => observer.Remark($"{stage.Id}: waiting for another build that makes the same {wanted.Kind}"), cancellationToken);

    private void Warn(PlannedStage stage, ArtifactWarning warning) => observer.Report(new Diagnostic(
        Severity.Warning, new ErrorCode(warning.Code, warning.Message, ""), warning.Message, stage.Options.LocationOf(warning.OptionPath)));
}
