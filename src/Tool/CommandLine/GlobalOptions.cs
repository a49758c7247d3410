using System.CommandLine;
using System.CommandLine.Parsing;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Tool.Output;

namespace CompressTool.Tool.CommandLine;

/// <summary>The options that every command takes.</summary>
internal static class GlobalOptions
{
    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Print the result as one JSON object on standard output.",
        Recursive = true,
    };

    public static readonly Option<Verbosity?> Verbosity = new("--verbosity", "-v")
    {
        Description = "How much to tell on standard error; normal by default.",
        HelpName = "quiet|normal|detailed",
        Recursive = true,
        CustomParser = result => Choice<Verbosity>(result),
    };

    public static readonly Option<string?> OnnxRuntime = new("--onnxruntime")
    {
        Description = "The native ONNX Runtime library to use: a file, or a folder that holds it.",
        HelpName = "PATH",
        Recursive = true,
    };

    public static readonly Option<bool> NoColor = new("--no-color")
    {
        Description = "No colours; the environment variable NO_COLOR does the same.",
        Recursive = true,
    };

    public static readonly Option<string?> Log = new("--log")
    {
        Description = "msbuild: write everything to standard output as lines for the MSBuild task.",
        HelpName = "msbuild",
        Recursive = true,
        Hidden = true,
        Validators = { result => { if (result.Tokens is [{ Value: not "msbuild" }, ..]) { result.AddError($"'{result.Tokens[0].Value}' is not a log format: msbuild is the only one"); } } },
    };

    public static readonly Option<string?> CancelFile = new("--cancel-file")
    {
        Description = "Cancel when this file appears.",
        HelpName = "PATH",
        Recursive = true,
        Hidden = true,
    };

    public static IEnumerable<Option> All => [Json, Verbosity, OnnxRuntime, NoColor, Log, CancelFile];

    /// <summary>Parses one of the words of an enum, written in lower case.</summary>
    public static T? Choice<T>(ArgumentResult result)
        where T : struct, Enum
    {
        var words = Enum.GetNames<T>().Select(name => name.ToLowerInvariant()).ToList();
        var token = result.Tokens[0].Value;
        if (words.IndexOf(token.ToLowerInvariant()) is var index and >= 0)
        {
            return Enum.GetValues<T>()[index];
        }

        result.AddError($"'{token}' is not a value of {((OptionResult)result.Parent!).Option.Name}{NearestName.Hint(token, words)}");
        return null;
    }
}
