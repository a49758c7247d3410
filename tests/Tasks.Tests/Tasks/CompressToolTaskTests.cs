using System.Diagnostics;
using CompressTool.Tasks.Tests.Targets;
using Microsoft.Build.Framework;

namespace CompressTool.Tasks.Tests.Tasks;

/// <summary>The tasks on a stub engine, with the fake tool as a real process.</summary>
[TestClass]
public sealed class CompressToolTaskTests
{
    [TestMethod]
    public void An_error_of_the_tool_has_its_code_and_place_and_no_error_of_the_task_beside_it()
    {
        using var recipe = new PlannedRecipe("  - fail: sparsity {0} is 50% \"off\"\n");

        Assert.IsFalse(recipe.Stage("01-fail").Execute());

        var error = recipe.Engine.Errors.Single();
        Assert.AreEqual("CMP4001", error.Code);
        Assert.AreEqual("sparsity {0} is 50% \"off\"", error.Message);
        Assert.AreEqual(recipe.File, error.File);
        Assert.AreEqual((3, 5, 3, 9), (error.LineNumber, error.ColumnNumber, error.EndLineNumber, error.EndColumnNumber));
        Assert.IsNull(error.Subcategory);
        Assert.AreEqual(0, recipe.Engine.CoresInUse);
    }

    [TestMethod]
    public void A_warning_lets_the_task_succeed()
    {
        using var recipe = new PlannedRecipe("  - warn: few layers\n");

        Assert.IsTrue(recipe.Stage("01-warn").Execute());

        Assert.AreEqual("CMP4002", recipe.Engine.Warnings.Single().Code);
        Assert.IsEmpty(recipe.Engine.Errors);
    }

    [TestMethod]
    public void Lines_that_look_like_errors_are_messages()
    {
        using var recipe = new PlannedRecipe("  - noise: {1}\n");

        Assert.IsTrue(recipe.Stage("01-noise").Execute());

        Assert.IsEmpty(recipe.Engine.Errors);
        Assert.AreEqual(MessageImportance.Low, Message("native.cc(1,2): error X1: {1}").Importance);
        Assert.AreEqual(MessageImportance.Low, Message("native.cc(3,4): error X2: {0} {1}").Importance);
        Assert.AreEqual(MessageImportance.Low, Message("##compress not json").Importance);
        Assert.AreEqual(MessageImportance.High, Message("{0} done: {1}").Importance);

        BuildMessageEventArgs Message(string text) => recipe.Engine.Messages.Single(message => message.Message == text);
    }

    [TestMethod]
    public void A_tool_that_ends_without_saying_why_is_an_error_with_a_code()
    {
        using var recipe = new PlannedRecipe("  - crash: 77\n");

        Assert.IsFalse(recipe.Stage("01-crash").Execute());

        var error = recipe.Engine.Errors.Single();
        Assert.AreEqual("CMP0008", error.Code);
        Assert.Contains("77", error.Message!);
    }

    [TestMethod]
    [DataRow("130")]
    [DataRow("143")]
    public void A_tool_that_was_interrupted_fails_the_task_without_an_error(string exitCode)
    {
        using var recipe = new PlannedRecipe($"  - crash: {exitCode}\n");

        Assert.IsFalse(recipe.Stage("01-crash").Execute());

        Assert.IsEmpty(recipe.Engine.Errors);
        Assert.IsTrue(recipe.Engine.AllowFailureWithoutError);
    }

    [TestMethod]
    public async Task A_storm_of_cancels_asks_the_tool_once_and_logs_nothing()
    {
        using var recipe = new PlannedRecipe("  - sleep: 60000\n");
        var stage = recipe.Stage("01-sleep");
        var execution = Task.Run(stage.Execute);
        await recipe.Sleeping();

        var clock = Stopwatch.StartNew();
        var calls = 0;
        while (!execution.IsCompleted)
        {
            stage.Cancel();
            calls++;
        }

        Assert.IsFalse(await execution);
        Assert.IsLessThan(4.0, clock.Elapsed.TotalSeconds);
        Assert.IsGreaterThan(1000, calls);
        CollectionAssert.Contains(recipe.Calls(), "cancelled shop");
        Assert.IsEmpty(recipe.Engine.Errors);
        Assert.IsEmpty(recipe.Engine.Warnings);
        Assert.IsEmpty(Directory.GetFiles(recipe.Folder, "cancel-*"));
        Assert.AreEqual(0, recipe.Engine.CoresInUse);
    }

    [TestMethod]
    public async Task A_tool_that_does_not_stop_is_killed_after_five_seconds()
    {
        using var recipe = new PlannedRecipe("  - sleep: 60000!\n");
        var stage = recipe.Stage("01-sleep");
        var execution = Task.Run(stage.Execute);
        var process = Process.GetProcessById(await recipe.Sleeping());

        var clock = Stopwatch.StartNew();
        stage.Cancel();

        Assert.IsFalse(await execution);
        Assert.IsInRange(4.5, 15, clock.Elapsed.TotalSeconds);
        Assert.IsTrue(process.WaitForExit(5000));
        Assert.IsEmpty(recipe.Engine.Errors);
    }

    [TestMethod]
    public void A_task_that_is_cancelled_before_it_starts_starts_nothing()
    {
        using var recipe = new PlannedRecipe("  - prune: 0.5\n");
        var stage = recipe.Stage("01-prune");

        stage.Cancel();

        Assert.IsFalse(stage.Execute());
        Assert.IsEmpty(recipe.Calls());
        Assert.IsEmpty(recipe.Engine.Errors);
    }

    [TestMethod]
    public void Errors_of_planning_are_handed_out_and_reported_elsewhere()
    {
        using var recipe = new PlannedRecipe("  - prune: 0.5\n", plan: false);
        recipe.Append("plan-error: unknown criterion 'tayler'; 100%25 sure\n");
        var plan = recipe.Plan();

        Assert.IsTrue(plan.Execute());
        Assert.IsEmpty(recipe.Engine.Errors);

        var engine = new StubEngine();
        Assert.IsFalse(new CompressReport { BuildEngine = engine, Diagnostics = plan.Diagnostics }.Execute());
        var error = engine.Errors.Single();
        Assert.AreEqual("CMP1004", error.Code);
        Assert.AreEqual("unknown criterion 'tayler'; 100%25 sure", error.Message);
        Assert.AreEqual(recipe.File, error.File);
        Assert.AreEqual((4, 13, 4, 17), (error.LineNumber, error.ColumnNumber, error.EndLineNumber, error.EndColumnNumber));
    }

    [TestMethod]
    public void A_host_that_does_not_exist_is_an_error()
    {
        using var recipe = new PlannedRecipe("  - prune: 0.5\n");
        var stage = recipe.Stage("01-prune");
        stage.DotNetHost = "/nowhere/dotnet";

        Assert.IsFalse(stage.Execute());
        Assert.HasCount(1, recipe.Engine.Errors);
    }

    /// <summary>A recipe in a folder with odd characters, planned by the fake tool.</summary>
    private sealed class PlannedRecipe : IDisposable
    {
        private readonly TempFolder _folder = new();
        private readonly string _log;

        public PlannedRecipe(string stages, bool plan = true)
        {
            Folder = Path.Combine(_folder.Path, "it's (a) 100% é;x", "shop-1a2b3c4d") + "/";
            File = _folder.Write("shop.compress.yml", $"model: model.txt\nstages:\n{stages}");
            _folder.Write("model.txt", "weights\n");
            _log = Path.Combine(Folder, "calls.log");
            if (plan)
            {
                Assert.IsTrue(Plan().Execute());
                Calls();
            }
        }

        public StubEngine Engine { get; } = new();

        public string Folder { get; }

        public string File { get; }

        public void Append(string text) => System.IO.File.AppendAllText(File, text);

        public CompressPlan Plan()
        {
            var arguments = new CompressArguments
            {
                BuildEngine = Engine,
                ArgumentsFile = Path.Combine(Folder, "plan.args"),
                CacheDirectory = _folder.File("store"),
                ClassName = "shop",
                Folder = Folder,
                ModelFolder = "models/",
                ModelNamespace = "CompressedModels",
                Project = _folder.File("App.csproj"),
                Recipe = File,
                ToolAssembly = Consumer.FakeTool,
            };
            Assert.IsTrue(arguments.Execute());
            Assert.IsEmpty(arguments.Diagnostics);
            return Prepare(new CompressPlan { ArgumentsFile = arguments.ArgumentsFile, WarningsFile = Path.Combine(Folder, "plan.warnings") });
        }

        public CompressStage Stage(string id) => Prepare(new CompressStage { Stage = id });

        /// <summary>Waits until the stage sleeps; returns the tool's process.</summary>
        public async Task<int> Sleeping()
        {
            for (; ; await Task.Delay(20))
            {
                if (System.IO.File.Exists(_log) && ReadLog().FirstOrDefault(line => line.StartsWith("sleeping", StringComparison.Ordinal)) is { } line)
                {
                    return int.Parse(line.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture);
                }
            }
        }

        public string[] Calls()
        {
            string[] lines = System.IO.File.Exists(_log) ? ReadLog() : [];
            System.IO.File.Delete(_log);
            return lines;
        }

        public void Dispose() => _folder.Dispose();

        private string[] ReadLog()
        {
            using var stream = new FileStream(_log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }

        private T Prepare<T>(T task)
            where T : CompressToolTask
        {
            task.BuildEngine = Engine;
            task.DotNetHost = DotNet.Host;
            task.Folder = Folder;
            task.ToolAssembly = Consumer.FakeTool;
            return task;
        }
    }
}
