using System.Text;

namespace CompressTool.Tool.CommandLine;

/// <summary>Where a run of the tool writes; tests give their own.</summary>
/// <param name="Out">Receives results only.</param>
/// <param name="Error">Receives diagnostics, log and progress.</param>
/// <param name="ErrorIsTerminal">Somebody looks at <paramref name="Error"/>, and it can move its cursor.</param>
internal sealed record ConsoleStreams(TextWriter Out, TextWriter Error, bool ErrorIsTerminal)
{
    private static readonly string[] s_ciVariables = ["CI", "GITHUB_ACTIONS", "TF_BUILD", "GITLAB_CI", "TEAMCITY_VERSION", "JENKINS_URL"];

    /// <summary>The streams of this process.</summary>
    public static ConsoleStreams OfProcess()
    {
        var terminal = !Console.IsErrorRedirected
            && Environment.GetEnvironmentVariable("TERM") is not "dumb"
            && !s_ciVariables.Any(name => Environment.GetEnvironmentVariable(name) is { Length: > 0 } and not "false");
        return new ConsoleStreams(Utf8(Console.OpenStandardOutput()), Utf8(Console.OpenStandardError()), terminal);
    }

    private static TextWriter Utf8(Stream stream) =>
        TextWriter.Synchronized(new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true });
}
