namespace CompressTool.Runtime;

/// <summary>ONNX Runtime's own error codes (<c>OrtErrorCode</c>).</summary>
public enum OrtErrorCode
{
    /// <summary>No error.</summary>
    Ok,
    /// <summary>Unspecific failure.</summary>
    Fail,
    /// <summary>An argument, or an input of a run, does not fit.</summary>
    InvalidArgument,
    /// <summary>A file does not exist.</summary>
    NoSuchFile,
    /// <summary>No model was loaded.</summary>
    NoModel,
    /// <summary>An engine error.</summary>
    EngineError,
    /// <summary>An exception inside a kernel.</summary>
    RuntimeException,
    /// <summary>The bytes are not a model.</summary>
    InvalidProtobuf,
    /// <summary>The model was already loaded.</summary>
    ModelLoaded,
    /// <summary>No kernel for an operator.</summary>
    NotImplemented,
    /// <summary>The graph is not valid.</summary>
    InvalidGraph,
    /// <summary>An execution provider failed.</summary>
    EpFail,
    /// <summary>Loading was cancelled.</summary>
    ModelLoadCanceled,
    /// <summary>The model must be compiled for the device first.</summary>
    ModelRequiresCompilation,
    /// <summary>Something that was asked for does not exist.</summary>
    NotFound,
}
