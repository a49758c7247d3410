namespace CompressTool.Tool.Output;

/// <summary>How much the tool tells besides its result.</summary>
internal enum Verbosity
{
    /// <summary>Warnings and errors.</summary>
    Quiet,

    /// <summary>Also what is being done.</summary>
    Normal,

    /// <summary>Also why, and stack traces.</summary>
    Detailed,
}
