using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CompressTool.Recipes.Build;

namespace CompressTool.FakeTool;

/// <summary>
/// A stage appends a line to the model. Some kinds misbehave instead: fail, crash, sleep (until done or cancelled, deaf to
/// cancelling when the value ends in !), warn, noise.
/// </summary>
internal static class StageCommand
{
    private sealed record Stamp(string Key, string Artifact);

    public static int Run(CommandLine arguments)
    {
        var folder = arguments.One("--folder");
        var plan = PlanState.Read(folder);
        var index = plan.Stages.FindIndex(stage => stage.Id == arguments.One("--stage"));
        var stage = plan.Stages[index];
        using var guard = Lock(folder);
        if (Misbehave(stage, plan, arguments.One("--cancel-file")) is { } exitCode)
        {
            return exitCode;
        }

        var input = Input(folder, plan, index);
        var key = Hash(File.ReadAllText(input) + File.ReadAllText(Path.Combine(folder, stage.Id + ".args")));
        var artifact = Path.Combine(plan.Cache, key);
        if (File.Exists(artifact))
        {
            CallLog.Write($"cached {plan.Name} {stage.Id}");
        }
        else
        {
            GeneratedFile.Write(artifact, File.ReadAllText(input) + $"{stage.Kind}={stage.Value}\n");
            CallLog.Write($"built {plan.Name} {stage.Id} threads={Environment.GetEnvironmentVariable("COMPRESSTOOL_THREADS")}");
        }

        GeneratedFile.WriteIfDifferent(Path.Combine(folder, stage.Id + ".d"), index == 0 ? plan.Model + "\n" : string.Empty);
        GeneratedFile.Write(Path.Combine(folder, stage.Id + ".stamp"), JsonSerializer.Serialize(new Stamp(key, artifact)));
        return 0;
    }

    /// <summary>The artifact before the stage; before the first one, and with the index behind the last one, likewise.</summary>
    public static string Input(string folder, PlanState plan, int index) => index == 0
        ? plan.Model
        : JsonSerializer.Deserialize<Stamp>(File.ReadAllText(Path.Combine(folder, plan.Stages[index - 1].Id + ".stamp")))!.Artifact;

    public static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    public static FileStream Lock(string folder)
    {
        for (; ; )
        {
            try
            {
                return new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                Thread.Sleep(10);
            }
        }
    }

    private static int? Misbehave(PlanState.Stage stage, PlanState plan, string cancelFile)
    {
        switch (stage.Kind)
        {
            case "fail":
                Protocol.Diagnostic("error", "CMP4001", stage.Value, plan.Recipe, stage.Line, 5);
                return 1;
            case "crash":
                return int.Parse(stage.Value, System.Globalization.CultureInfo.InvariantCulture);
            case "warn":
                Protocol.Diagnostic("warning", "CMP4002", stage.Value, plan.Recipe, stage.Line, 5);
                return null;
            case "noise":
                Console.Out.WriteLine("native.cc(1,2): error X1: " + stage.Value);
                Console.Error.WriteLine("native.cc(3,4): error X2: {0} " + stage.Value);
                Console.Out.WriteLine("##compress not json");
                Protocol.Message("high", "{0} done: " + stage.Value);
                return null;
            case "sleep":
                return Sleep(stage.Value, plan, cancelFile);
            default:
                return null;
        }
    }

    private static int? Sleep(string value, PlanState plan, string cancelFile)
    {
        CallLog.Write($"sleeping {plan.Name} {Environment.ProcessId}");
        var end = Environment.TickCount64 + int.Parse(value.TrimEnd('!'), System.Globalization.CultureInfo.InvariantCulture);
        while (Environment.TickCount64 < end)
        {
            if (!value.EndsWith('!') && File.Exists(cancelFile))
            {
                CallLog.Write($"cancelled {plan.Name}");
                Protocol.Diagnostic("error", "CMP9999", "said after the cancel", plan.Recipe, 1, 1);
                return 130;
            }

            Thread.Sleep(20);
        }

        return null;
    }
}
