using System.CommandLine;
using System.Text.Json.Nodes;
using CompressTool.Recipes.Store;
using CompressTool.Tool.Output;

namespace CompressTool.Tool.CommandLine;

/// <summary>What a running command may use.</summary>
internal sealed class CommandContext
{
    /// <summary>The version of the JSON results.</summary>
    private const int SchemaVersion = 1;

    private readonly ConsoleStreams _streams;
    private bool _resultWritten;

    public CommandContext(ParseResult arguments, ConsoleStreams streams)
    {
        Arguments = arguments;
        _streams = streams;
        Json = arguments.GetResult(GlobalOptions.Json) is not null && arguments.GetValue(GlobalOptions.Json);
        Console = CreateConsole();
    }

    /// <summary>The command line.</summary>
    public ParseResult Arguments { get; }

    /// <summary>Where everything goes but the result.</summary>
    public ToolConsole Console { get; }

    /// <summary>The result is to be JSON.</summary>
    public bool Json { get; }

    /// <summary>Cancelled by a signal or by the cancel file.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>The value of an option.</summary>
    public T Get<T>(Option<T> option) => Arguments.GetValue(option)!;

    /// <summary>The value of an argument.</summary>
    public T Get<T>(Argument<T> argument) => Arguments.GetValue(argument)!;

    /// <summary>True when the option stands on the command line.</summary>
    public bool IsGiven(Option option) => Arguments.GetResult(option) is { Implicit: false };

    /// <summary>Writes the result of the command: the one thing that goes to standard output.</summary>
    /// <param name="json">The result for scripts; the schema version is put in front.</param>
    /// <param name="text">Writes the result for people.</param>
    public void WriteResult(JsonObject json, Action<TextWriter> text)
    {
        if (Json)
        {
            WriteJson(json);
        }
        else if (Console is MSBuildConsole build)
        {
            text(build.ResultWriter());
        }
        else
        {
            text(_streams.Out);
        }
    }

    /// <summary>Makes sure that <c>--json</c> prints an object even when the command failed.</summary>
    public void WriteFailure(int exitCode)
    {
        if (Json && !_resultWritten)
        {
            WriteJson(new JsonObject { ["exitCode"] = exitCode, ["errors"] = new JsonArray([.. Console.Errors.Select(Describe)]) });
        }
    }

    private static JsonObject Describe(ReportedError error)
    {
        var json = new JsonObject { ["code"] = error.Code.Id, ["message"] = error.Message };
        if (error.Location is { } location)
        {
            json["file"] = location.File;
            json["line"] = location.Line;
            json["column"] = location.Column;
        }

        return json;
    }

    private void WriteJson(JsonObject json)
    {
        if (_resultWritten)
        {
            throw new InvalidOperationException("A command has one result.");
        }

        _resultWritten = true;
        json.Insert(0, "schemaVersion", SchemaVersion);
        _streams.Out.Write(JsonText.Indented(json));
    }

    private ToolConsole CreateConsole()
    {
        var verbosity = (Valid(GlobalOptions.Verbosity) ? Arguments.GetValue(GlobalOptions.Verbosity) : null) ?? Verbosity.Normal;
        if (!Json && Valid(GlobalOptions.Log) && Arguments.GetValue(GlobalOptions.Log) is not null)
        {
            return new MSBuildConsole(_streams.Out, verbosity, TimeProvider.System);
        }

        var color = !Arguments.GetValue(GlobalOptions.NoColor) && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        return (_streams.ErrorIsTerminal ? TerminalConsole.TryCreate(_streams.Error, verbosity, color) : null) as ToolConsole
            ?? new PlainConsole(_streams.Error, verbosity, TimeProvider.System);
    }

    private bool Valid(Option option) => Arguments.GetResult(option) is { } result && !result.Errors.Any();
}
