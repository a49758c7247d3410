using System.Reflection;
using System.Text;
using CompressTool.Tool.CommandLine;

namespace CompressTool.Tool;

/// <summary>The entry point of <c>dotnet compress</c>.</summary>
internal static class Program
{
    /// <summary>The version of the tool.</summary>
    public static string Version =>
        typeof(Program).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    private static int Main(string[] args)
    {
        // Scripts and builds ask for the version often; nothing of the command line is loaded for that.
        if (args is ["--version"])
        {
            Console.Out.WriteLine(Version);
            return ExitCodes.Success;
        }

        return Run(args);
    }

    private static int Run(string[] args)
    {
        if (OperatingSystem.IsWindows())
        {
            Console.OutputEncoding = Encoding.UTF8;
        }

        return Application.RunAsync(args, ConsoleStreams.OfProcess()).GetAwaiter().GetResult();
    }
}
