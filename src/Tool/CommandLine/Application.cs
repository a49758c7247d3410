using System.CommandLine;
using System.CommandLine.Invocation;
using CompressTool.Tool.Commands;

namespace CompressTool.Tool.CommandLine;

/// <summary>The tool as a whole: the tree of commands, parsed and run.</summary>
internal static class Application
{
    /// <summary>Runs one command line.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, ConsoleStreams streams, CancellationToken cancellationToken = default)
    {
        var arguments = CreateRoot().Parse(args);
        return arguments.Action is ParseErrorAction
            ? Refuse(arguments, streams)
            : await arguments.InvokeAsync(new ToolInvocation(streams), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The root command with all others.</summary>
    public static RootCommand CreateRoot()
    {
        var root = new RootCommand("Makes ONNX models small and fast by recipe.")
        {
            HelpName = "dotnet compress",
        };
        foreach (var option in GlobalOptions.All)
        {
            root.Add(option);
        }

        root.Options.OfType<VersionOption>().Single().Action = new PrintVersion();
        root.Add(new RunCommand());
        root.Add(new PlanCommand());
        root.Add(new ImportCommand());
        root.Add(new ExportCommand());
        root.Add(new InspectCommand());
        root.Add(new CompareCommand());
        root.Add(new InferCommand());
        root.Add(new SampleCommand());
        root.Add(new GradientsCommand());
        root.Add(new ImagesCommand());
        root.Add(new NewCommand());
        root.Add(new CacheCommand());
        root.Add(new SchemaCommand());
        root.Add(new InfoCommand());
        root.Add(new DocsCommand());
        root.Add(new MSBuildCommand());
        return root;
    }

    private static int Refuse(ParseResult arguments, ConsoleStreams streams)
    {
        var context = new CommandContext(arguments, streams);
        foreach (var (code, message) in ParseErrors.Explain(arguments))
        {
            context.Console.Error(code, message);
        }

        if (arguments.Tokens.Count == 0 && arguments.UnmatchedTokens.Count == 0 && arguments.Errors.All(error => error.SymbolResult is not null))
        {
            CreateRoot().Parse(["--help"]).Invoke(new InvocationConfiguration { Output = streams.Error });
        }

        context.WriteFailure(ExitCodes.Usage);
        return ExitCodes.Usage;
    }

    private sealed class PrintVersion : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine(Program.Version);
            return ExitCodes.Success;
        }
    }
}
