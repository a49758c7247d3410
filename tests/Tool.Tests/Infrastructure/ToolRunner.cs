using System.Diagnostics;
using CompressTool.Tool.CommandLine;

namespace CompressTool.Tool.Tests.Infrastructure;

/// <summary>Runs the tool, in this process where that is enough, or as users do.</summary>
internal static class ToolRunner
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromMinutes(3);

    /// <summary>Full path of the tool beside the tests.</summary>
    public static string Assembly { get; } = Path.Combine(AppContext.BaseDirectory, "dotnet-compress.dll");

    /// <summary>Runs it in this process.</summary>
    public static async Task<ToolResult> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var streams = new ConsoleStreams(TextWriter.Synchronized(output), TextWriter.Synchronized(error), ErrorIsTerminal: false);
        var exitCode = await Application.RunAsync(args, streams);
        return new ToolResult(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>Runs it as a process.</summary>
    public static Task<ToolResult> StartAsync(params string[] args) => StartInAsync(Environment.CurrentDirectory, null, args);

    /// <summary>Runs it as a process in a folder.</summary>
    /// <param name="folder">The current folder of the process.</param>
    /// <param name="firstLine">Called once, when the process writes its first line to standard error.</param>
    /// <param name="args">The command line.</param>
    public static async Task<ToolResult> StartInAsync(string folder, Action<Process>? firstLine, params string[] args)
    {
        using var process = Start(folder, args);
        using var timeout = new CancellationTokenSource(s_timeout);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(timeout.Token);
            var error = await process.StandardError.ReadLineAsync(timeout.Token) is { } line ? line + "\n" : "";
            firstLine?.Invoke(process);
            error += await process.StandardError.ReadToEndAsync(timeout.Token);
            await process.WaitForExitAsync(timeout.Token);
            return new ToolResult(process.ExitCode, await output, error);
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>Runs it as a process in a folder.</summary>
    /// <param name="folder">The current folder of the process.</param>
    /// <param name="started">Called when the process runs, whatever it has written.</param>
    /// <param name="args">The command line.</param>
    public static async Task<ToolResult> StartAsync(string folder, Func<Process, Task>? started, params string[] args)
    {
        using var process = Start(folder, args);
        using var timeout = new CancellationTokenSource(s_timeout);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(timeout.Token);
            var error = process.StandardError.ReadToEndAsync(timeout.Token);
            await (started?.Invoke(process) ?? Task.CompletedTask);
            await process.WaitForExitAsync(timeout.Token);
            return new ToolResult(process.ExitCode, await output, await error);
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static Process Start(string folder, string[] args) => Process.Start(new ProcessStartInfo(Host, ["exec", Assembly, .. args])
    {
        WorkingDirectory = folder,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    private static string Host => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet";
}
