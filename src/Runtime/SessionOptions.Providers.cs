using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime;

/// <content>Execution providers: where the nodes of a graph run. The CPU always comes last by itself.</content>
public sealed unsafe partial class SessionOptions
{
    private static readonly Dictionary<string, string> s_noOptions = [];

    // Where the C API's generic function spells a provider otherwise than its long name does. It compares exactly.
    private static readonly Dictionary<string, string> s_spelling = new()
    {
        ["Azure"] = "AZURE",
        ["Dml"] = "DML",
        ["WebGpu"] = "WebGPU",
        ["WebNN"] = "WEBNN",
        ["Xnnpack"] = "XNNPACK",
    };

    /// <summary>Adds an execution provider behind those added before; nodes it cannot run go to the next one.</summary>
    /// <param name="name">Its short name (<c>CPU</c>, <c>CUDA</c>, <c>TensorRT</c>, <c>CoreML</c>, <c>OpenVINO</c>, <c>QNN</c>, <c>XNNPACK</c>, <c>WebGPU</c>...) in any case, or ONNX Runtime's long one (<c>CUDAExecutionProvider</c>).</param>
    /// <param name="options">The provider's own options, e.g. <c>device_id</c>.</param>
    /// <exception cref="CompressToolException">The library was built without the provider, or the provider's own libraries are missing.</exception>
    public void AppendExecutionProvider(string name, IReadOnlyDictionary<string, string>? options = null)
    {
        options ??= s_noOptions;
        var provider = FindProvider(name);
        switch (provider)
        {
            case "CPU":
                // Always there; its one option is the arena's.
                return;
            case "CUDA":
                AppendProviderWithOptions(provider, options, OrtLibrary.Api->CreateCUDAProviderOptions, OrtLibrary.Api->UpdateCUDAProviderOptions,
                    OrtLibrary.Api->SessionOptionsAppendExecutionProvider_CUDA_V2, OrtLibrary.Api->ReleaseCUDAProviderOptions);
                return;
            case "Tensorrt":
                AppendProviderWithOptions(provider, options, OrtLibrary.Api->CreateTensorRTProviderOptions, OrtLibrary.Api->UpdateTensorRTProviderOptions,
                    OrtLibrary.Api->SessionOptionsAppendExecutionProvider_TensorRT_V2, OrtLibrary.Api->ReleaseTensorRTProviderOptions);
                return;
            default:
                using (var handle = Handle.Acquire())
                using (var text = new NativeText(s_spelling.GetValueOrDefault(provider, provider)))
                using (var keys = new NativeTexts([.. options.Keys]))
                using (var values = new NativeTexts([.. options.Values]))
                {
                    OrtStatus.Check(OrtLibrary.Api->SessionOptionsAppendExecutionProvider(handle.Pointer, text.Pointer, keys.Pointers, values.Pointers, (nuint)options.Count),
                        $"Adding the execution provider '{provider}'", RuntimeErrors.ProviderNotAvailable);
                }

                return;
        }
    }

    // ONNX Runtime's long name of the provider, without its suffix.
    private static string FindProvider(string name)
    {
        const string Suffix = "ExecutionProvider";
        var available = OrtEnvironment.AvailableProviders.Select(ShortName).ToArray();
        return available.FirstOrDefault(provider => provider.Equals(ShortName(name), StringComparison.OrdinalIgnoreCase))
            ?? throw new CompressToolException(RuntimeErrors.ProviderNotAvailable,
                $"ONNX Runtime {OrtEnvironment.Version} ({OrtEnvironment.Library.Reason}) has no execution provider '{name}'{NearestName.Hint(name, available)}");

        static string ShortName(string name) => name.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase) ? name[..^Suffix.Length] : name;
    }

    private void AppendProviderWithOptions(
        string provider, IReadOnlyDictionary<string, string> options, delegate* unmanaged<nint*, nint> create,
        delegate* unmanaged<nint, byte**, byte**, nuint, nint> update, delegate* unmanaged<nint, nint, nint> append, delegate* unmanaged<nint, void> release)
    {
        var what = $"Adding the execution provider '{provider}'";
        nint pointer;
        OrtStatus.Check(create(&pointer), what, RuntimeErrors.ProviderNotAvailable);
        using var providerOptions = new OrtHandle(pointer, release);
        using var keys = new NativeTexts([.. options.Keys]);
        using var values = new NativeTexts([.. options.Values]);
        using var handle = Handle.Acquire();
        OrtStatus.Check(update(pointer, keys.Pointers, values.Pointers, (nuint)options.Count), what, RuntimeErrors.ProviderNotAvailable);
        OrtStatus.Check(append(handle.Pointer, pointer), what, RuntimeErrors.ProviderNotAvailable);
    }
}
