namespace CompressTool.Onnx.Diagnostics;

/// <summary>
/// An error with a code, meant for the user. Lower layers throw it without a place; layers that know the place
/// (a recipe option, a command-line argument) add it.
/// </summary>
public class CompressToolException : Exception
{
    /// <summary>Creates the error.</summary>
    /// <param name="code">The kind of error.</param>
    /// <param name="message">What is wrong, with the particulars and the way out.</param>
    /// <param name="location">The place, when known.</param>
    /// <param name="inner">The cause.</param>
    public CompressToolException(ErrorCode code, string message, SourceLocation? location = null, Exception? inner = null)
        : base(message, inner)
    {
        Code = code;
        Location = location;
    }

    /// <summary>The kind of error.</summary>
    public ErrorCode Code { get; }

    /// <summary>The place in a recipe or another text file; null when unknown.</summary>
    public SourceLocation? Location { get; set; }

    /// <summary>
    /// The option the error is about, as a path below the stage or gate (<c>target.sparsity</c>, <c>layers.include[1]</c>);
    /// null when it is about the stage as a whole. The executor turns it into <see cref="Location"/>.
    /// </summary>
    public string? OptionPath { get; set; }
}
