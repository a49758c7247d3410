using System.Buffers;
using System.Runtime.CompilerServices;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime;

/// <content>Running the model.</content>
public sealed unsafe partial class InferenceSession
{
    // Up to this many inputs and outputs together, a run keeps its pointers on the stack.
    private const int StackValues = 64;

    /// <summary>Runs the model. ONNX Runtime allocates the outputs; the caller disposes them.</summary>
    /// <param name="inputs">The inputs by name.</param>
    /// <param name="outputNames">The outputs wanted; null for all.</param>
    /// <param name="options">Options of the run; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the run before its next node, and other runs that use the same <paramref name="options"/> with it.</param>
    /// <returns>The outputs, in the order of <paramref name="outputNames"/>.</returns>
    /// <exception cref="CompressToolException">Names, types or shapes do not fit, or a node failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public OutputValues Run(
        IReadOnlyDictionary<string, OrtValue> inputs, IReadOnlyList<string>? outputNames = null, RunOptions? options = null, CancellationToken cancellationToken = default)
    {
        outputNames ??= OutputNames;
        var names = ArrayPool<string>.Shared.Rent(inputs.Count);
        var values = ArrayPool<OrtValue>.Shared.Rent(inputs.Count);
        try
        {
            var count = 0;
            foreach (var (name, value) in inputs)
            {
                (names[count], values[count]) = (name, value);
                count++;
            }

            var outputs = new OrtValue?[outputNames.Count];
            Run(names.AsSpan(0, count), values.AsSpan(0, count), [.. outputNames], outputs, options, cancellationToken);
            return new OutputValues(outputNames, outputs!);
        }
        finally
        {
            ArrayPool<string>.Shared.Return(names, clearArray: true);
            ArrayPool<OrtValue>.Shared.Return(values, clearArray: true);
        }
    }

    /// <summary>Runs the model on values in parallel spans; allocates nothing but the outputs that are not given.</summary>
    /// <param name="inputNames">The names of the inputs given.</param>
    /// <param name="inputs">Their values.</param>
    /// <param name="outputNames">The outputs wanted.</param>
    /// <param name="outputs">
    /// Where the outputs go: a value that is given is written in place (type and shape must be the output's); null is
    /// replaced by a value that ONNX Runtime allocates and the caller disposes.
    /// </param>
    /// <param name="options">Options of the run; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the run before its next node, and other runs that use the same <paramref name="options"/> with it.</param>
    /// <exception cref="CompressToolException">Names, types or shapes do not fit, or a node failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    [SkipLocalsInit]
    public void Run(
        ReadOnlySpan<string> inputNames, ReadOnlySpan<OrtValue> inputs, ReadOnlySpan<string> outputNames, Span<OrtValue?> outputs,
        RunOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (inputs.Length != inputNames.Length || outputs.Length != outputNames.Length)
        {
            throw new ArgumentException("Every name needs one value.");
        }

        var count = inputs.Length + outputs.Length;
        var rented = count > StackValues ? ArrayPool<nint>.Shared.Rent(2 * count) : null;
        Span<nint> pointers = rented ?? stackalloc nint[2 * StackValues];
        try
        {
            fixed (nint* start = pointers)
            {
                var names = (byte**)start;
                for (var i = 0; i < inputNames.Length; i++)
                {
                    names[i] = FindInput(inputNames[i]);
                }

                CheckComplete(inputNames);
                for (var i = 0; i < outputNames.Length; i++)
                {
                    names[inputs.Length + i] = FindOutput(outputNames[i]);
                }

                Run(options, names, start + count, inputs, outputs, cancellationToken);
            }
        }
        finally
        {
            if (rented is not null)
            {
                ArrayPool<nint>.Shared.Return(rented);
            }
        }
    }

    /// <summary>Runs the model on the inputs and outputs of a binding.</summary>
    /// <param name="binding">A binding of this session.</param>
    /// <param name="options">Options of the run; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the run before its next node, and other runs that use the same <paramref name="options"/> with it.</param>
    /// <exception cref="CompressToolException">Types or shapes do not fit, or a node failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void RunWithBinding(OrtIoBinding binding, RunOptions? options = null, CancellationToken cancellationToken = default)
    {
        using var session = Handle.Acquire();
        using var bindingLease = binding.Handle.Acquire();
        using var call = new CancellableCall(this, options, needsOptions: true, cancellationToken);
        using var optionsLease = call.Options!.Handle.Acquire();
        binding.RenewDeviceOutputs();
        call.Check(OrtLibrary.Api->RunWithBinding(session.Pointer, optionsLease.Pointer, bindingLease.Pointer));
    }

    // ONNX Runtime notices a missing input only when a node asks for it, which may be after most of the work.
    private void CheckComplete(ReadOnlySpan<string> given)
    {
        if (given.Length >= InputNames.Count && OverridableInitializerNames.Count == 0)
        {
            return;
        }

        foreach (var name in InputNames)
        {
            if (!given.Contains(name) && InputMetadata[name].OnnxValueType != OnnxValueType.Optional)
            {
                throw new CompressToolException(RuntimeErrors.InvalidInput, $"The input '{name}' is missing. The model needs: {string.Join(", ", InputNames)}.");
            }
        }
    }

    /// <summary>The native name of an input.</summary>
    internal byte* FindInput(string name) => Find(_inputs, name, "input");

    /// <summary>The native name of an output.</summary>
    internal byte* FindOutput(string name) => Find(_outputs, name, "output");

    private static byte* Find(NativeNames known, string name, string what) =>
        known.TryGetPointer(name, out var pointer)
            ? (byte*)pointer
            : throw new CompressToolException(RuntimeErrors.InvalidInput, $"The model has no {what} '{name}'{NearestName.Hint(name, known.Names)}");

    private void Run(RunOptions? options, byte** names, nint* values, ReadOnlySpan<OrtValue> inputs, Span<OrtValue?> outputs, CancellationToken cancellationToken)
    {
        using var session = Handle.Acquire();
        using var call = new CancellableCall(this, options, needsOptions: false, cancellationToken);
        var held = 0;
        try
        {
            // Each value is held so that a concurrent dispose cannot free it under the run.
            foreach (var input in inputs)
            {
                values[held++] = OrtHandle.Hold(input.Handle);
            }

            foreach (var output in outputs)
            {
                values[held] = output is null ? 0 : OrtHandle.Hold(output.Handle);
                held++;
            }

            var optionsPointer = call.Options is { } used ? OrtHandle.Hold(used.Handle) : 0;
            var status = OrtLibrary.Api->Run(session.Pointer, optionsPointer, names, values, (nuint)inputs.Length,
                names + inputs.Length, (nuint)outputs.Length, values + inputs.Length);
            call.Options?.Handle.DangerousRelease();
            call.Check(status);
        }
        finally
        {
            for (var i = 0; i < held; i++)
            {
                (i < inputs.Length ? inputs[i] : outputs[i - inputs.Length])?.Handle.DangerousRelease();
            }
        }

        for (var i = 0; i < outputs.Length; i++)
        {
            outputs[i] ??= new OrtValue(values[inputs.Length + i]);
        }
    }

    /// <summary>One call that a token may cancel: lends it run options of this session's when the caller gave none.</summary>
    private readonly ref struct CancellableCall
    {
        private readonly InferenceSession _session;
        private readonly CancellationToken _token;
        private readonly CancellationTokenRegistration _registration;
        private readonly bool _lent;

        public CancellableCall(InferenceSession session, RunOptions? options, bool needsOptions, CancellationToken token)
        {
            token.ThrowIfCancellationRequested();
            _session = session;
            _token = token;
            _lent = options is null && (needsOptions || token.CanBeCanceled);
            Options = _lent ? Interlocked.Exchange(ref session._spareRunOptions, null) ?? new RunOptions() : options;
            _registration = token.CanBeCanceled ? token.UnsafeRegister(static options => ((RunOptions)options!).Terminate = true, Options) : default;
        }

        public RunOptions? Options { get; }

        public void Check(nint status)
        {
            if (status != 0)
            {
                var exception = OrtStatus.ToException(status, "Running the model", RuntimeErrors.RunFailed);
                throw _token.IsCancellationRequested ? new OperationCanceledException("The run was cancelled.", exception, _token) : exception;
            }
        }

        public void Dispose()
        {
            // Waits for a callback that is under way: nothing sets the flag afterwards.
            _registration.Dispose();
            if (!_lent)
            {
                if (_token.IsCancellationRequested)
                {
                    Options!.Terminate = false;
                }
            }
            else if (_token.IsCancellationRequested || Interlocked.CompareExchange(ref _session._spareRunOptions, Options, null) is not null)
            {
                Options!.Dispose();
            }
        }
    }
}
