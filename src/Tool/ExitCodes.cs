using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Tool;

/// <summary>What the exit code of the tool says. Scripts rely on it.</summary>
internal static class ExitCodes
{
    /// <summary>Done.</summary>
    public const int Success = 0;

    /// <summary>A stage or a gate failed, or the tool itself.</summary>
    public const int Failed = 1;

    /// <summary>The command line, a file named on it, or the recipe is wrong.</summary>
    public const int Usage = 2;

    /// <summary>The environment is wrong: native library, store, disk, memory.</summary>
    public const int Environment = 3;

    /// <summary>Cancelled by the user.</summary>
    public const int Cancelled = 130;

    /// <summary>The exit code for an error.</summary>
    /// <param name="code">The kind of error.</param>
    /// <param name="filesAreArguments">
    /// True for commands whose models and tensor files are named on the command line: a bad file is a usage error then, as it
    /// is a failed stage when a recipe's stage meets it.
    /// </param>
    public static int For(ErrorCode code, bool filesAreArguments)
    {
        var file = filesAreArguments ? Usage : Failed;
        return code.Id switch
        {
            "CMP2008" => Environment, // a file cannot be written
            "CMP3005" or "CMP3006" or "CMP3007" => file, // ONNX Runtime refuses the model or its inputs
            "CMP7003" => file, // a name that the model does not have
            "CMP3008" => Failed, // a model failed while it ran
            "CMP6097" or "CMP6098" => Environment, // memory, file system
            "CMP6099" => Failed, // a defect of the tool
            _ => code.Id[..5] switch
            {
                "CMP10" or "CMP11" or "CMP60" => Usage,
                "CMP20" or "CMP80" or "CMP81" => file,
                "CMP30" or "CMP31" => Environment,
                _ => Failed,
            },
        };
    }
}
