namespace CompressTool.Onnx.Diagnostics;

/// <summary>
/// One kind of error: a stable code, what it means and the way out. Every layer declares its codes as static readonly
/// fields of one class named <c>*Errors</c>; docs/errors.md is generated from them.
/// </summary>
/// <param name="Id">The code as users see it, e.g. <c>CMP2001</c>.</param>
/// <param name="Title">What is wrong, in one line, without the particulars.</param>
/// <param name="WayOut">What the user can do about it.</param>
public sealed record ErrorCode(string Id, string Title, string WayOut)
{
    /// <inheritdoc/>
    public override string ToString() => Id;
}
