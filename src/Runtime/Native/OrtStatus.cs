using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Runtime.Native;

/// <summary>Turns the <c>OrtStatus*</c> that a call returned into an exception.</summary>
internal static unsafe class OrtStatus
{
    /// <summary>Throws unless the status is null (success).</summary>
    /// <param name="status">What the call returned; released here.</param>
    /// <param name="what">What was tried, as the start of a sentence that goes on with "failed"; only read on failure.</param>
    /// <param name="code">The error code when the status has no code of its own here.</param>
    public static void Check(nint status, string what, ErrorCode? code = null)
    {
        if (status != 0)
        {
            throw ToException(status, what, code ?? RuntimeErrors.CallFailed);
        }
    }

    /// <summary>The exception for a failed status, which is released.</summary>
    public static OnnxRuntimeException ToException(nint status, string what, ErrorCode code)
    {
        var api = OrtLibrary.Api;
        var native = api->GetErrorCode(status);
        var message = NativeText.Read(api->GetErrorMessage(status));
        api->ReleaseStatus(status);
        return OnnxRuntimeException.Create(code, what, native, message);
    }
}
