using System.CommandLine;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Execution;
using CompressTool.Recipes.Planning;
using CompressTool.Recipes.Store;
using CompressTool.Runtime;
using CompressTool.Runtime.Engine;
using CompressTool.Tool.CommandLine;
using CompressTool.Tool.Running;

namespace CompressTool.Tool.Commands;

/// <summary>The steps of a build: MSBuild calls them one by one (see docs/msbuild.md).</summary>
internal sealed class MSBuildCommand : Command
{
    public MSBuildCommand()
        : base("msbuild", "The steps of a build.")
    {
        Hidden = true;
        Add(new PlanStep());
        Add(new StageStep());
        Add(new FinishStep());
    }

    private static Option<string> Required(string name, string description) => new(name) { Description = description, Required = true };

    /// <summary>Plans the recipe again from the settings that the planning step left; hashes are remembered, so that is quick.</summary>
    private static RecipeSession? Open(string folder, CommandContext context)
    {
        var settings = new BuildFolder(folder).ReadSettings();
        ChooseRuntime(settings.OnnxRuntime, settings.AssetsFile);
        return RecipeSession.Open(settings.Request, context.Console.Report, context.CancellationToken);
    }

    /// <summary>The library given for the build, or else the one that the application itself will ship.</summary>
    private static void ChooseRuntime(string? library, string? assets)
    {
        if (library is not null)
        {
            OrtEnvironment.LibraryPath = library;
        }
        else if (assets is not null)
        {
            OrtEnvironment.ConsumerLibrary = ProjectAssets.FindOnnxRuntime(assets);
        }
    }

    private sealed class PlanStep : ToolCommand
    {
        private readonly Option<string> _recipe = Required("--recipe", "The recipe.");
        private readonly Option<string> _folder = Required("--folder", "The recipe's folder below obj.");
        private readonly Option<string> _rootNamespace = Required("--root-namespace", "Namespace of the generated class.");
        private readonly Option<string> _className = Required("--class-name", "Name of the generated class.");
        private readonly Option<string> _modelFolder = Required("--model-folder", "Folder of the model below the application's folder.");
        private readonly Option<string?> _projectFolder = new("--project-folder") { Description = "The project's folder." };
        private readonly Option<string?> _cache = new("--cache") { Description = "The store's folder." };
        private readonly Option<string?> _assets = new("--assets") { Description = "The project's project.assets.json." };
        private readonly Option<string[]> _set = new("--set") { Description = "NAME=VALUE of a variable." };

        public PlanStep()
            : base("plan", "Writes the generated project.")
        {
            Option[] options = [_recipe, _folder, _rootNamespace, _className, _modelFolder, _projectFolder, _cache, _assets, _set];
            foreach (var option in options)
            {
                Add(option);
            }
        }

        public override Task<int> RunAsync(CommandContext context)
        {
            var folder = new BuildFolder(context.Get(_folder));
            var settings = new BuildSettings
            {
                Request = new RecipeRequest
                {
                    RecipePath = context.Get(_recipe),
                    Variables = RecipeOptions.ParseVariables(context.Get(_set)),
                    ProjectFolder = context.Get(_projectFolder),
                    CacheFolder = context.Get(_cache),
                    StateFolder = folder.Path,
                },
                RootNamespace = context.Get(_rootNamespace),
                ClassName = context.Get(_className),
                ModelFolder = context.Get(_modelFolder),
                OnnxRuntime = context.Get(GlobalOptions.OnnxRuntime),
                AssetsFile = context.Get(_assets),
            };
            ChooseRuntime(settings.OnnxRuntime, settings.AssetsFile);
            if (RecipeSession.Open(settings.Request, context.Console.Report, context.CancellationToken) is not { } session)
            {
                return Task.FromResult(ExitCodes.Usage);
            }

            folder.WritePlan(settings, session.Plan);
            return Task.FromResult(ExitCodes.Success);
        }
    }

    private sealed class StageStep : ToolCommand
    {
        private readonly Option<string> _folder = Required("--folder", "The recipe's folder below obj.");
        private readonly Option<string> _stage = Required("--stage", "The stage's id, e.g. 01-prune.");

        public StageStep()
            : base("stage", "Runs one stage.")
        {
            Add(_folder);
            Add(_stage);
        }

        public override Task<int> RunAsync(CommandContext context)
        {
            if (Open(context.Get(_folder), context) is not { } session)
            {
                return Task.FromResult(ExitCodes.Usage);
            }

            var stage = session.Plan.Stages.FirstOrDefault(stage => stage.Id == context.Get(_stage))
                ?? throw new CompressToolException(StoreErrors.PlanUnusable, $"the recipe has no stage '{context.Get(_stage)}' any more; it was edited during the build, build again");
            using var observer = new ConsoleObserver(context.Console, session.Plan.Input.Bytes);
            var executor = new Executor(session.Store, new OnnxRuntimeEngine(), observer);
            RunMissing(executor, session, stage, context.CancellationToken);
            executor.RunStage(session.Plan, stage, session.State, context.CancellationToken);
            return Task.FromResult(ExitCodes.Success);
        }

        /// <summary>A stage before this one has run, as its stamp says, but its artifact may have been cleaned out of a shared store since.</summary>
        private static void RunMissing(Executor executor, RecipeSession session, PlannedStage stage, CancellationToken cancellationToken)
        {
            if (session.Store.Find(stage.Key) is null)
            {
                foreach (var before in session.Plan.Stages.Take(stage.Index).Where(before => session.Store.Find(before.Key) is null))
                {
                    executor.RunStage(session.Plan, before, session.State, cancellationToken);
                }
            }
        }
    }

    private sealed class FinishStep : ToolCommand
    {
        private readonly Option<string> _folder = Required("--folder", "The recipe's folder below obj.");

        public FinishStep()
            : base("finish", "Asks the gates and publishes the model.")
        {
            Add(_folder);
        }

        public override Task<int> RunAsync(CommandContext context)
        {
            var folder = new BuildFolder(context.Get(_folder));
            if (Open(folder.Path, context) is not { } session)
            {
                return Task.FromResult(ExitCodes.Usage);
            }

            // Two builds at once would publish into the same folder.
            using var guard = StoreLock.Acquire(Path.Combine(folder.Path, "finish.lock"), waiting: null, context.CancellationToken);
            using var observer = new ConsoleObserver(context.Console, session.Plan.Input.Bytes);
            var executor = new Executor(session.Store, new OnnxRuntimeEngine(), observer);
            var artifact = session.Store.Find(session.Plan.Stages[^1].Key)
                ?? executor.Run(session.Plan, session.State, context.CancellationToken).Artifact;
            var gates = executor.EvaluateGates(session.Plan, artifact, session.State, context.CancellationToken);
            if (!gates.All(gate => gate.Passed))
            {
                return Task.FromResult(ExitCodes.Failed);
            }

            Publisher.Publish(session.Plan, artifact, gates, executor.Report(session.Plan, gates, session.State, context.CancellationToken), folder.ArtifactsPath, context.CancellationToken);
            folder.Finish(session.Plan);
            return Task.FromResult(ExitCodes.Success);
        }
    }
}
