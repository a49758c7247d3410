using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Runtime;

/// <summary>Errors about the environment, the native library and models that run in it: CMP30xx.</summary>
public static class RuntimeErrors
{
    /// <summary>No native library was found.</summary>
    public static readonly ErrorCode LibraryNotFound = new("CMP3001", "The native ONNX Runtime library was not found.", "Give its path with --onnxruntime or the environment variable COMPRESS_ONNXRUNTIME.");
    /// <summary>The file cannot be loaded, or is something else.</summary>
    public static readonly ErrorCode LibraryInvalid = new("CMP3002", "A native library cannot be loaded, or is not ONNX Runtime.", "Take the library built for this operating system and processor; the message has the loader's reason.");
    /// <summary>The library is older than what the binding asks for.</summary>
    public static readonly ErrorCode LibraryTooOld = new("CMP3003", "The native ONNX Runtime library is too old.", "ONNX Runtime 1.17 or newer is needed: update the package, or point --onnxruntime at a newer library.");
    /// <summary>32-bit process.</summary>
    public static readonly ErrorCode PlatformNotSupported = new("CMP3004", "This platform is not supported.", "Run the 64-bit .NET host.");
    /// <summary>ONNX Runtime refuses the model.</summary>
    public static readonly ErrorCode ModelRefused = new("CMP3005", "ONNX Runtime cannot load a model.", "The message names the node where it is known; 'dotnet compress inspect' checks the model's structure.");
    /// <summary>An operator has no implementation for its types on the chosen providers.</summary>
    public static readonly ErrorCode OperatorNotImplemented = new("CMP3006", "ONNX Runtime has no implementation of an operator.", "Another opset, element type or execution provider may have one; the message names the node.");
    /// <summary>Names, types or shapes of inputs or outputs do not fit the model.</summary>
    public static readonly ErrorCode InvalidInput = new("CMP3007", "An input or output does not fit the model.", "Compare names, element types and shapes with those that 'dotnet compress inspect' prints.");
    /// <summary>A run failed.</summary>
    public static readonly ErrorCode RunFailed = new("CMP3008", "A model failed while it ran.", "The message names the node where it is known.");
    /// <summary>The library was built without the provider, or the provider's own libraries are missing.</summary>
    public static readonly ErrorCode ProviderNotAvailable = new("CMP3009", "An execution provider is not available.", "'dotnet compress info' lists the providers of the library in use; choose one of them or another library.");
    /// <summary>The library does not have a function that was asked for.</summary>
    public static readonly ErrorCode FeatureNotAvailable = new("CMP3010", "The native ONNX Runtime library lacks a function.", "Use a newer library; the message names the version that brought the function.");
    /// <summary>Any other call failed.</summary>
    public static readonly ErrorCode CallFailed = new("CMP3011", "A call to ONNX Runtime failed.", "The message has ONNX Runtime's own words.");
}
