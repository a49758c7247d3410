using System.Text;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime;

/// <summary>
/// Inputs and outputs of a session, bound once for many runs: no names and values pass on each run, and memory may be on
/// a device. Keeps the session and the bound values alive. Not safe for use on several threads at once.
/// </summary>
public sealed unsafe class OrtIoBinding : IDisposable
{
    private readonly InferenceSession _session;

    // What is bound to each name: a value's handle, or for outputs allocated by the run a memory description's.
    private readonly Dictionary<string, OrtHandle> _inputs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OrtHandle> _outputs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OrtHandle> _deviceOutputs = new(StringComparer.Ordinal);

    internal OrtIoBinding(InferenceSession session)
    {
        _session = session;
        using var lease = session.Handle.Acquire();
        nint pointer;
        OrtStatus.Check(OrtLibrary.Api->CreateIoBinding(lease.Pointer, &pointer), "Creating a binding");
        Handle = new OrtHandle(pointer, OrtLibrary.Api->ReleaseIoBinding, session.Handle);
    }

    internal OrtHandle Handle { get; }

    /// <summary>Binds an input; one bound before under the name is replaced.</summary>
    /// <exception cref="CompressToolException">The model has no such input.</exception>
    public void BindInput(string name, OrtValue value)
    {
        using var binding = Handle.Acquire();
        using var input = value.Handle.Acquire();
        OrtStatus.Check(OrtLibrary.Api->BindInput(binding.Pointer, _session.FindInput(name), input.Pointer), "Binding an input", RuntimeErrors.InvalidInput);
        Replace(_inputs, name, value.Handle);
    }

    /// <summary>Binds an output to a value that runs write in place; type and shape must be the output's.</summary>
    /// <exception cref="CompressToolException">The model has no such output.</exception>
    public void BindOutput(string name, OrtValue value)
    {
        using var binding = Handle.Acquire();
        using var output = value.Handle.Acquire();
        OrtStatus.Check(OrtLibrary.Api->BindOutput(binding.Pointer, _session.FindOutput(name), output.Pointer), "Binding an output", RuntimeErrors.InvalidInput);
        Replace(_deviceOutputs, name, null);
        Replace(_outputs, name, value.Handle);
    }

    /// <summary>Binds an output to a kind of memory, where each run allocates it anew; read it with <see cref="GetOutputValues"/>.</summary>
    /// <exception cref="CompressToolException">The model has no such output.</exception>
    public void BindOutputToDevice(string name, OrtMemoryInfo memoryInfo)
    {
        BindToDevice(name, memoryInfo.Handle);
        Replace(_outputs, name, null);
        Replace(_deviceOutputs, name, memoryInfo.Handle);
    }

    /// <summary>The names of the bound outputs, in the order they were bound.</summary>
    public IReadOnlyList<string> GetOutputNames()
    {
        using var binding = Handle.Acquire();
        using var allocator = OrtAllocator.Default.Handle.Acquire();
        byte* texts;
        nuint* lengths;
        nuint count;
        OrtStatus.Check(OrtLibrary.Api->GetBoundOutputNames(binding.Pointer, allocator.Pointer, &texts, &lengths, &count), "Reading a binding");
        if (count == 0)
        {
            return [];
        }

        var names = new string[(int)count];
        var text = texts;
        for (var i = 0; i < names.Length; i++)
        {
            // One after the other, without terminators.
            names[i] = Encoding.UTF8.GetString(text, (int)lengths[i]);
            text += lengths[i];
        }

        OrtAllocator.Default.Free(texts);
        OrtAllocator.Default.Free(lengths);
        return names;
    }

    /// <summary>The outputs of the last run, in the order of <see cref="GetOutputNames"/>; the caller disposes them.</summary>
    public OutputValues GetOutputValues()
    {
        var names = GetOutputNames();
        using var binding = Handle.Acquire();
        using var allocator = OrtAllocator.Default.Handle.Acquire();
        nint* pointers;
        nuint count;
        OrtStatus.Check(OrtLibrary.Api->GetBoundOutputValues(binding.Pointer, allocator.Pointer, &pointers, &count), "Reading a binding");
        var values = new OrtValue[(int)count];
        for (var i = 0; i < values.Length; i++)
        {
            // A value that was bound lives in the caller's memory: what is handed out keeps that alive too.
            values[i] = new OrtValue(pointers[i], _outputs.GetValueOrDefault(names[i]));
        }

        if (count != 0)
        {
            OrtAllocator.Default.Free(pointers);
        }

        return new OutputValues(names, values);
    }

    /// <summary>Waits until bound inputs have been copied to their devices.</summary>
    public void SynchronizeBoundInputs()
    {
        using var binding = Handle.Acquire();
        OrtStatus.Check(OrtLibrary.Api->SynchronizeBoundInputs(binding.Pointer), "Copying inputs to a device");
    }

    /// <summary>Waits until bound outputs have been copied from their devices.</summary>
    public void SynchronizeBoundOutputs()
    {
        using var binding = Handle.Acquire();
        OrtStatus.Check(OrtLibrary.Api->SynchronizeBoundOutputs(binding.Pointer), "Copying outputs from a device");
    }

    /// <summary>Unbinds all inputs.</summary>
    public void ClearBoundInputs()
    {
        using var binding = Handle.Acquire();
        OrtLibrary.Api->ClearBoundInputs(binding.Pointer);
        Release(_inputs);
    }

    /// <summary>Unbinds all outputs.</summary>
    public void ClearBoundOutputs()
    {
        using var binding = Handle.Acquire();
        OrtLibrary.Api->ClearBoundOutputs(binding.Pointer);
        Release(_outputs);
        Release(_deviceOutputs);
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    /// <summary>
    /// Called before each run: what the last run allocated would be written again by the next (though its shape may be
    /// another, and the caller may hold it), so outputs on devices are bound afresh.
    /// </summary>
    internal void RenewDeviceOutputs()
    {
        foreach (var (name, memoryInfo) in _deviceOutputs)
        {
            BindToDevice(name, memoryInfo);
        }
    }

    private void BindToDevice(string name, OrtHandle memoryInfo)
    {
        using var binding = Handle.Acquire();
        using var info = memoryInfo.Acquire();
        OrtStatus.Check(OrtLibrary.Api->BindOutputToDevice(binding.Pointer, _session.FindOutput(name), info.Pointer), "Binding an output", RuntimeErrors.InvalidInput);
    }

    // The handle itself keeps the bound values, so that they are let go even when nobody disposes the binding.
    private void Replace(Dictionary<string, OrtHandle> bound, string name, OrtHandle? handle)
    {
        if (handle is not null)
        {
            Handle.Keep(handle);
        }

        if (bound.Remove(name, out var previous))
        {
            Handle.Drop(previous);
        }

        if (handle is not null)
        {
            bound.Add(name, handle);
        }
    }

    private void Release(Dictionary<string, OrtHandle> bound)
    {
        foreach (var handle in bound.Values)
        {
            Handle.Drop(handle);
        }

        bound.Clear();
    }
}
