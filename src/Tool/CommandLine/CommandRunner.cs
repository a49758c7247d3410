using System.CommandLine;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime;

namespace CompressTool.Tool.CommandLine;

/// <summary>Runs a command: cancellation, and errors as diagnostics and exit codes.</summary>
internal static class CommandRunner
{
    public static async Task<int> RunAsync(ToolCommand command, ParseResult arguments, ConsoleStreams streams, CancellationToken cancellationToken)
    {
        using var cancelFile = CancelFile.Watch(arguments.GetValue(GlobalOptions.CancelFile), cancellationToken);
        var context = new CommandContext(arguments, streams) { CancellationToken = cancelFile.Token };
        var exitCode = await RunAsync(command, context).ConfigureAwait(false);
        if (exitCode != ExitCodes.Success)
        {
            context.WriteFailure(exitCode);
        }

        return exitCode;
    }

    private static async Task<int> RunAsync(ToolCommand command, CommandContext context)
    {
        try
        {
            Conflicts(context);
            if (context.Get(GlobalOptions.OnnxRuntime) is { } library)
            {
                OrtEnvironment.LibraryPath = library;
            }

            return await command.RunAsync(context).ConfigureAwait(false);
        }
        catch (Exception) when (context.CancellationToken.IsCancellationRequested)
        {
            // Whatever it was: work that is torn down may fail in many ways.
            context.Console.Info("cancelled");
            return ExitCodes.Cancelled;
        }
        catch (CompressToolException e)
        {
            context.Console.Error(e.Code, e.Message, e.Location);
            context.Console.Detail(e.ToString());
            return ExitCodes.For(e.Code, command.FilesAreArguments);
        }
        catch (Exception e)
        {
            var (code, message) = e switch
            {
                OutOfMemoryException => (ToolErrors.OutOfMemory, "there is not enough memory"),
                IOException or UnauthorizedAccessException => (ToolErrors.FileSystem, e.Message),
                _ => (ToolErrors.Unexpected, $"unexpected error: {e.Message} ({e.GetType().Name}); run again with --verbosity detailed to see where"),
            };
            context.Console.Error(code, message);
            context.Console.Detail(e.ToString());
            return ExitCodes.For(code, command.FilesAreArguments);
        }
    }

    private static void Conflicts(CommandContext context)
    {
        if (context.Json && context.Get(GlobalOptions.Log) is not null)
        {
            throw new CompressToolException(ToolErrors.Conflict, "--json and --log both claim standard output; keep one of them");
        }
    }
}
