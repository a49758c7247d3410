using System.CommandLine;
using System.CommandLine.Parsing;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Tool.CommandLine;

/// <summary>Says what is wrong with a command line, with a code and the nearest name.</summary>
internal static class ParseErrors
{
    private const string Help = "'dotnet compress --help' lists the commands";

    /// <summary>The errors, the first ones first; consequences of others are left out.</summary>
    public static IEnumerable<(ErrorCode Code, string Message)> Explain(ParseResult arguments)
    {
        var command = arguments.CommandResult.Command;
        var unmatched = arguments.UnmatchedTokens;
        if (arguments.Errors.FirstOrDefault(error => error.SymbolResult is null) is { } early)
        {
            return [(ToolErrors.InvalidValue, early.Message)]; // a response file that cannot be read
        }

        if (command.Subcommands.Count > 0)
        {
            // Whatever follows an unknown command cannot be judged.
            return [MissingCommand(command, unmatched.FirstOrDefault(token => !IsOption(token)) ?? (unmatched is [var first, ..] ? first : null))];
        }

        return
        [
            .. unmatched.Select(token => Unmatched(arguments, token)),
            .. arguments.Errors.Where(error => !unmatched.Any(token => error.Message.Contains($"'{token}'"))).Select(error => Explain(arguments, error)),
        ];
    }

    private static (ErrorCode Code, string Message) MissingCommand(Command command, string? token)
    {
        var names = command.Subcommands.Where(candidate => !candidate.Hidden).Select(candidate => candidate.Name).Order().ToList();
        if (token is null)
        {
            return (ToolErrors.UnknownCommand, command is RootCommand ? $"a command is missing; {Help}" : $"'{command.Name}' needs one of: {string.Join(", ", names)}");
        }

        return IsOption(token) ? UnknownOption([command], token) : (ToolErrors.UnknownCommand, $"unknown command '{token}'{NearestName.Hint(token, names)}");
    }

    private static (ErrorCode Code, string Message) Unmatched(ParseResult arguments, string token)
    {
        var path = Path(arguments.CommandResult).ToList();
        return IsOption(token) ? UnknownOption(path, token)
            : (ToolErrors.UnexpectedArgument, $"'{path[0].Name}' takes no argument '{token}'");
    }

    private static (ErrorCode Code, string Message) UnknownOption(IReadOnlyList<Command> path, string token)
    {
        var names = path[0].Options.Concat(path.Skip(1).SelectMany(parent => parent.Options.Where(option => option.Recursive)))
            .Where(option => !option.Hidden).Select(option => option.Name).Distinct().Order(StringComparer.Ordinal).ToList();
        return (ToolErrors.UnknownOption, $"unknown option '{token}'{NearestName.Hint(token, names)}");
    }

    private static (ErrorCode Code, string Message) Explain(ParseResult arguments, ParseError error)
    {
        var command = arguments.CommandResult.Command.Name;
        return error.SymbolResult switch
        {
            OptionResult { IdentifierToken: null } option => (ToolErrors.Missing, $"'{command}' needs the option {option.Option.Name}{ValueHint(option.Option)}{Describe(option.Option)}"),
            OptionResult { Tokens.Count: 0 } option => (ToolErrors.Missing, $"'{option.Option.Name}' needs a value{(option.Option.HelpName is { } name ? ": " + name : "")}"),
            ArgumentResult { Tokens.Count: 0 } argument => (ToolErrors.Missing, $"'{command}' needs {argument.Argument.Name}{Describe(argument.Argument)}"),
            _ => (ToolErrors.InvalidValue, error.Message.ReplaceLineEndings(" ").Replace('\t', ' ')),
        };
    }

    private static string ValueHint(Option option) => option.HelpName is { } name ? $" {name}" : "";

    private static string Describe(Symbol symbol) => symbol.Description is { Length: > 0 } text ? $": {char.ToLowerInvariant(text[0])}{text[1..].TrimEnd('.')}" : "";

    private static bool IsOption(string token) => token.StartsWith('-') && token.Length > 1 && !char.IsDigit(token[1]);

    private static IEnumerable<Command> Path(SymbolResult? result)
    {
        for (; result is not null; result = result.Parent)
        {
            if (result is CommandResult command)
            {
                yield return command.Command;
            }
        }
    }
}
