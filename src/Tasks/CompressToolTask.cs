using System.Globalization;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace CompressTool.Tasks;

/// <summary>
/// Runs one command of the tool in a process of its own. No model, no YAML and no native library ever enters the MSBuild
/// process; what the tool has to say comes as lines of a private protocol on its standard output.
/// </summary>
/// <remarks>
/// The protocol: a line <c>##compress {...}</c> holds one flat JSON object of type <c>diagnostic</c> (severity, code, message, file,
/// line, column, endLine, endColumn) or <c>message</c> (importance, text). Any other line is a message of low importance, even one that
/// looks like an error: native libraries print such lines.
/// </remarks>
public abstract class CompressToolTask : ToolTask
{
    private const string Prefix = "##compress ";
    private const int Interrupted = 130;
    private const int Terminated = 143;
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(5);

    private readonly TaskCompletionSource<bool> _finished = new();
    private string? _cancelFile;
    private int _cancelled;
    private bool _saidWhy;

    /// <summary>Full path of the tool's assembly, <c>dotnet-compress.dll</c>.</summary>
    [Required]
    public string ToolAssembly { get; set; } = string.Empty;

    /// <summary>The <c>dotnet</c> executable; by default the one that runs the build.</summary>
    public string? DotNetHost { get; set; }

    /// <summary>Full path of the recipe's folder, <c>obj/compress/name-hash/</c>.</summary>
    [Required]
    public string Folder { get; set; } = string.Empty;

    /// <summary>The command below <c>msbuild</c>: plan, stage or finish.</summary>
    protected abstract string Command { get; }

    /// <summary>True when the command may use several cores.</summary>
    protected virtual bool UsesCores => true;

    /// <inheritdoc/>
    protected override string ToolName => "dotnet";

    /// <inheritdoc/>
    protected override MessageImportance StandardErrorLoggingImportance => MessageImportance.Low;

    /// <inheritdoc/>
    protected override Encoding StandardOutputEncoding => Encoding.UTF8;

    /// <inheritdoc/>
    protected override Encoding StandardErrorEncoding => Encoding.UTF8;

    /// <inheritdoc/>
    protected override Encoding ResponseFileEncoding { get; } = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

    private bool IsCancelled => Volatile.Read(ref _cancelled) != 0;

    /// <summary>The arguments of the command, one token each.</summary>
    protected abstract IEnumerable<string> Arguments();

    /// <summary>Takes a diagnostic of the tool; by default it is logged.</summary>
    private protected virtual void Report(ToolDiagnostic diagnostic) => diagnostic.Log(Log);

    /// <summary>
    /// Asks the tool to stop by creating the file that it watches, and kills it when it has not stopped after five seconds. Task hosts
    /// call this in a tight loop until the task returns, so all but the first call do nothing.
    /// </summary>
    public override void Cancel()
    {
        if (Interlocked.Exchange(ref _cancelled, 1) != 0)
        {
            return;
        }

        ThreadPool.QueueUserWorkItem(_ =>
        {
            if (!(TryCreateCancelFile() && _finished.Task.Wait(s_grace)))
            {
                base.Cancel();
            }
        });
    }

    /// <inheritdoc/>
    protected override string GenerateFullPathToTool() =>
        NonEmpty(DotNetHost) ?? NonEmpty(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH")) ?? "dotnet";

    /// <inheritdoc/>
    protected override string GenerateCommandLineCommands() => $"exec \"{ToolAssembly}\" msbuild {Command}";

    /// <inheritdoc/>
    protected override string GenerateResponseFileCommands()
    {
        _cancelFile = Path.Combine(Folder, $"cancel-{Guid.NewGuid():N}");
        var tokens = Arguments().Concat(["--log", "msbuild", "--cancel-file", _cancelFile]);
        return string.Concat(tokens.Select(token => ResponseFile.Line(token) + "\n"));
    }

    /// <inheritdoc/>
    protected override string GetResponseFileSwitch(string responseFilePath) => $"\"@{responseFilePath}\"";

    /// <inheritdoc/>
    protected override int ExecuteTool(string pathToTool, string responseFileCommands, string commandLineCommands)
    {
        var cores = RequestCores();
        try
        {
            string[] threads = cores > 0 ? [$"COMPRESSTOOL_THREADS={cores.ToString(CultureInfo.InvariantCulture)}"] : [];
            EnvironmentVariables = [.. EnvironmentVariables ?? [], .. threads];
            YieldDuringToolExecution = true;
            return IsCancelled ? Interrupted : base.ExecuteTool(pathToTool, responseFileCommands, commandLineCommands);
        }
        finally
        {
            ReleaseCores(cores);
            lock (_finished)
            {
                // From here on no cancel file is made, so none is left behind.
                _finished.TrySetResult(true);
                if (IsCancelled)
                {
                    TryDelete(_cancelFile!);
                }
            }
        }
    }

    /// <inheritdoc/>
    protected override void LogEventsFromTextOutput(string singleLine, MessageImportance messageImportance)
    {
        if (IsCancelled)
        {
            return;
        }

        var json = singleLine.StartsWith(Prefix, StringComparison.Ordinal) ? singleLine.Substring(Prefix.Length) : string.Empty;
        if (ToolDiagnostic.FromJson(json) is { } diagnostic)
        {
            _saidWhy |= diagnostic.IsError;
            Report(diagnostic);
        }
        else if (FlatJson.Parse(json) is { } values && values.TryGetValue("text", out var text))
        {
            values.TryGetValue("importance", out var importance);
            Log.LogMessage(Importance(importance), "{0}", text);
        }
        else
        {
            // Never as a format, and never through the base class, which would look for errors in it.
            Log.LogMessage(MessageImportance.Low, "{0}", singleLine);
        }
    }

    /// <inheritdoc/>
    protected override bool HandleTaskExecutionErrors()
    {
        if (IsCancelled || ExitCode is Interrupted or Terminated)
        {
            // Ctrl-C reaches the child as well, at times before it reaches the task: no error of ours either way.
            if (BuildEngine is IBuildEngine7 engine)
            {
                engine.AllowFailureWithoutError = true;
            }

            return false;
        }

        if (!_saidWhy)
        {
            Report(new ToolDiagnostic(isError: true, "CMP0008", string.Format(
                CultureInfo.InvariantCulture,
                "The tool ended with exit code {0} without saying why ({1} msbuild {2}). Build with -v:d to see all that it printed.",
                ExitCode, Path.GetFileName(ToolAssembly), Command)));
        }

        return false;
    }

    private bool TryCreateCancelFile()
    {
        try
        {
            lock (_finished)
            {
                // The tool has not started yet when there is no name, and may have ended by the same signal.
                if (_cancelFile is not null && !_finished.Task.IsCompleted)
                {
                    File.WriteAllText(_cancelFile, string.Empty);
                }
            }

            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private int RequestCores()
    {
        try
        {
            return UsesCores && BuildEngine is IBuildEngine9 engine ? engine.RequestCores(Environment.ProcessorCount) : 0;
        }
        catch (NotImplementedException)
        {
            // Task hosts have no part in the sharing of cores.
            return 0;
        }
    }

    private void ReleaseCores(int cores)
    {
        if (cores > 0)
        {
            ((IBuildEngine9)BuildEngine).ReleaseCores(cores);
        }
    }

    private static MessageImportance Importance(string? name) => name switch
    {
        "high" => MessageImportance.High,
        "low" => MessageImportance.Low,
        _ => MessageImportance.Normal,
    };

    private static string? NonEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static void TryDelete(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Its name is used once only; it goes with the folder.
        }
    }
}
