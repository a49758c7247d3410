using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Engine;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Loop;

/// <summary>
/// A training step by a compiled function: its inputs are the parameters and the arrays of a batch, its outputs the loss and
/// the gradients. It reads parameters and writes gradients in place, on the host or on a device.
/// </summary>
public sealed class FunctionStep : IDeviceTrainingStep, IScaledTrainingStep, IDisposable
{
    private readonly ICompiledFunction _function;
    private readonly ParameterSet _parameters;
    private readonly NonFiniteSearch? _search;
    private readonly HashSet<string> _inputs;
    private readonly NativeArray _loss = new(DataType.Float);
    private readonly NativeArray _lossScale = new(DataType.Float);
    private readonly (string Name, NativeArray Value)[] _terms;
    private readonly Dictionary<object, IFunctionBinding> _bindings = [];
    private readonly string _lossName;

    /// <summary>Prepares a step.</summary>
    /// <param name="function">The function (<see cref="ITrainingEngine.CompileGradient"/>); it must live longer.</param>
    /// <param name="parameters">The parameters, by the names of the function's inputs.</param>
    /// <param name="loss">The output that is the loss: a float32 scalar, the mean over the samples.</param>
    /// <param name="terms">Outputs that are the parts of the loss, float32 scalars likewise; null when it has none.</param>
    /// <param name="search">Finds the first value that is not finite; null when it need not be told.</param>
    /// <param name="device">The device that parameters and gradients shall stay on (<see cref="TrainingDevice.Of"/>), which the
    /// function must have been compiled for; null for the host.</param>
    /// <exception cref="CompressToolException">The function gives no gradient of a parameter (<see cref="TrainingErrors.InvalidParameter"/>).</exception>
    public FunctionStep(ICompiledFunction function, ParameterSet parameters, string loss = "loss", IReadOnlyList<string>? terms = null, NonFiniteSearch? search = null, TrainingDevice? device = null)
    {
        var outputs = function.Outputs.Select(output => output.Name).ToHashSet();
        if (parameters.Layout.Slots.FirstOrDefault(slot => !outputs.Contains(TrainingGraph.GradientPrefix + slot.Name)) is { } missing)
        {
            throw new CompressToolException(TrainingErrors.InvalidParameter, $"the function gives no gradient of the parameter '{missing.Name}'");
        }

        _function = function;
        Device = device;
        LossScale = 1;
        _parameters = parameters;
        _search = search;
        _lossName = loss;
        _inputs = [.. function.Inputs.Select(input => input.Name)];
        _terms = [.. (terms ?? []).Select(name => (name, new NativeArray(DataType.Float)))];
    }

    /// <inheritdoc/>
    public TrainingDevice? Device { get; }

    /// <inheritdoc/>
    /// <remarks>If the function was compiled with <see cref="GradientOptions.LossScale"/>.</remarks>
    public bool CanScale => _inputs.Contains(TrainingGraph.LossScale);

    /// <inheritdoc/>
    public double LossScale
    {
        get => _lossScale.AsSpan<float>()[0];
        set => _lossScale.AsSpan<float>()[0] = (float)value;
    }

    /// <inheritdoc/>
    public LossValue Compute(Batch batch, ParameterBlock gradients, CancellationToken cancellationToken)
    {
        if (!_bindings.TryGetValue(gradients, out var binding))
        {
            var arrays = _parameters.Values.Arrays.Zip(gradients.Arrays).ToArray();
            binding = _bindings[gradients] = Bind(
                (to, name, slot) => to.SetInput(name, arrays[slot].First), (to, name, slot) => to.SetOutput(name, arrays[slot].Second));
        }

        return Run(binding, batch, cancellationToken);
    }

    /// <inheritdoc/>
    public LossValue Compute(Batch batch, DeviceBlock values, DeviceBlock gradients, CancellationToken cancellationToken)
    {
        if (!_bindings.TryGetValue(gradients, out var binding))
        {
            binding = _bindings[gradients] = Bind(
                (to, name, slot) => to.SetInput(name, values.Arrays[slot]), (to, name, slot) => to.SetOutput(name, gradients.Arrays[slot]));
        }

        return Run(binding, batch, cancellationToken);
    }

    /// <inheritdoc/>
    public string? FindNonFinite(Batch batch, CancellationToken cancellationToken) => _search?.Find(_parameters, batch, cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var binding in _bindings.Values)
        {
            binding.Dispose();
        }

        _loss.Dispose();
        _lossScale.Dispose();
        foreach (var (_, value) in _terms)
        {
            value.Dispose();
        }
    }

    private LossValue Run(IFunctionBinding binding, Batch batch, CancellationToken cancellationToken)
    {
        foreach (var (name, array) in batch.Arrays.Where(array => _inputs.Contains(array.Key)))
        {
            binding.SetInput(name, array);
        }

        binding.Run(cancellationToken);
        return new LossValue(_loss.AsSpan<float>()[0], [.. _terms.Select(term => new LossTerm(term.Name, term.Value.AsSpan<float>()[0]))]);
    }

    private IFunctionBinding Bind(Action<IFunctionBinding, string, int> setValue, Action<IFunctionBinding, string, int> setGradient)
    {
        var binding = _function.Bind();
        try
        {
            foreach (var (index, slot) in _parameters.Layout.Slots.Index())
            {
                // A parameter that nothing uses is no input any more, and its gradient a constant zero.
                if (_inputs.Contains(slot.Name))
                {
                    setValue(binding, slot.Name, index);
                }

                setGradient(binding, TrainingGraph.GradientPrefix + slot.Name, index);
            }

            if (CanScale)
            {
                binding.SetInput(TrainingGraph.LossScale, _lossScale);
            }

            binding.SetOutput(_lossName, _loss);
            foreach (var (name, value) in _terms)
            {
                binding.SetOutput(name, value);
            }

            return binding;
        }
        catch
        {
            binding.Dispose();
            throw;
        }
    }
}
