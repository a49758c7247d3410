using System.CommandLine;

namespace CompressTool.Tool.CommandLine;

/// <summary>A command of the tool: its arguments, and what it does.</summary>
internal abstract class ToolCommand : Command
{
    /// <summary>Declares the command.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it does, for the help.</param>
    protected ToolCommand(string name, string description)
        : base(name, description)
    {
        // On a thread of its own: the signal handler waits for a task, which work on this thread would not give it.
        SetAction((arguments, cancellationToken) =>
            Task.Run(() => CommandRunner.RunAsync(this, arguments, ((ToolInvocation)arguments.InvocationConfiguration).Streams, cancellationToken), CancellationToken.None));
    }

    /// <summary>True when the models and tensor files that the command reads are named on the command line: bad ones are usage errors then.</summary>
    public virtual bool FilesAreArguments => false;

    /// <summary>Does the work. Writes its result with <see cref="CommandContext.WriteResult"/>.</summary>
    /// <returns>The exit code.</returns>
    public abstract Task<int> RunAsync(CommandContext context);
}

/// <summary>How the parsed command is run.</summary>
internal sealed class ToolInvocation : InvocationConfiguration
{
    public ToolInvocation(ConsoleStreams streams)
    {
        Streams = streams;
        Output = streams.Out;
        Error = streams.Error;
        EnableDefaultExceptionHandler = false;

        // After a signal, work gets this long to end well: to finish writing a file or to remove what is half-done.
        ProcessTerminationTimeout = TimeSpan.FromSeconds(30);
    }

    public ConsoleStreams Streams { get; }
}
