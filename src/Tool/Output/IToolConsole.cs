using CompressTool.Compression.Stages;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Tool.Output;

/// <summary>Everything the tool tells besides its result. May be used from any thread.</summary>
internal interface IToolConsole
{
    /// <summary>Tells what is being done; not shown when quiet.</summary>
    void Info(string text);

    /// <summary>Tells particulars; shown when detailed.</summary>
    void Detail(string text);

    /// <summary>Reports a warning.</summary>
    void Warning(ErrorCode code, string message, SourceLocation? location = null);

    /// <summary>Reports an error; does not end anything.</summary>
    void Error(ErrorCode code, string message, SourceLocation? location = null);

    /// <summary>Shows the progress of long work until it is disposed.</summary>
    /// <param name="name">What is being done, e.g. the stage.</param>
    /// <param name="total">How much there is to do, for the rate; 0 when only the share is known.</param>
    /// <param name="unit">What <paramref name="total"/> counts: <c>B</c> for bytes, or a plural such as <c>steps</c>.</param>
    IStageDisplay StartProgress(string name, double total = 0, string unit = "");
}

/// <summary>The progress of one piece of work, on display until disposed.</summary>
internal interface IStageDisplay : IProgress<StageProgress>, IDisposable;
