using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Engine;
using CompressTool.Training.Optimization;
using CompressTool.Training.Optimization.Graphs;

namespace CompressTool.Training.Loop.Places;

/// <summary>
/// The memory of the device that computes the gradients: everything stays there from step to step, and the optimizer is a
/// graph that runs there too. A step brings back the loss and the norm.
/// </summary>
internal sealed class DevicePlace(IDeviceTrainingStep step, TrainingDevice device, Optimizer optimizer, MovingAverage? average, int? microBatch) : TrainingPlace(microBatch)
{
    private readonly IDeviceMemory _memory = device.Engine.OpenDeviceMemory(device.Options);
    private readonly List<IDisposable> _owned = [];
    private readonly Dictionary<string, DeviceArray> _masks = [];
    private readonly Dictionary<string, NativeArray> _numbers = [];
    private readonly NativeArray _norm = new(DataType.Double);
    private DeviceBlock? _values, _gradients, _part, _average;
    private DeviceBlock[] _state = [];
    private bool _changed;
    private IFunctionBinding? _normBinding, _sumBinding, _updateBinding;

    /// <summary>Bytes copied between host and device by <see cref="Load"/>, <see cref="Store"/> and <see cref="StoreGradients"/>.</summary>
    public long BytesCopied => _memory.BytesCopied;

    private ParameterSet Parameters => optimizer.Parameters;

    public override void Load(CancellationToken cancellationToken)
    {
        if (_values is null)
        {
            _values = NewBlock();
            _gradients = NewBlock();
            _state = [.. optimizer.State.Select(_ => NewBlock())];
            _average = average is null ? null : NewBlock();
            AllocateMasks();
            _normBinding = BindNorm(cancellationToken);
            _updateBinding = BindUpdate(cancellationToken);
        }

        _values.CopyFrom(Parameters.Values);
        _average?.CopyFrom(average!.Values);
        foreach (var (state, block) in optimizer.State.Zip(_state))
        {
            block.CopyFrom(state.Block);
        }
    }

    public override void Store()
    {
        if (!_changed)
        {
            return;
        }

        _changed = false;
        _values!.CopyTo(Parameters.Values);
        _average?.CopyTo(average!.Values);
        foreach (var (state, block) in optimizer.State.Zip(_state))
        {
            block.CopyTo(state.Block);
        }
    }

    public override void StoreGradients() => _gradients!.CopyTo(Parameters.Gradients);

    public override double GradientNorm()
    {
        _normBinding!.Run();
        return _norm.AsSpan<double>()[0];
    }

    public override void Update(double learningRate, double gradientScale)
    {
        optimizer.CountStep();
        foreach (var (name, value) in optimizer.StepNumbers(learningRate))
        {
            SetNumber(name, value);
        }

        SetNumber(UpdateGraphs.GradientScale, gradientScale);
        if (average is not null)
        {
            SetNumber(UpdateGraphs.AverageRate, 1 - average.Advance());
        }

        _changed = true;
        _updateBinding!.Run();
    }

    public override void Dispose()
    {
        // The last ones first: what is bound must not go before the binding, nor arrays before their memory.
        for (var i = _owned.Count - 1; i >= 0; i--)
        {
            _owned[i].Dispose();
        }

        foreach (var number in _numbers.Values)
        {
            number.Dispose();
        }

        _norm.Dispose();
        _memory.Dispose();
    }

    protected override LossValue Compute(Batch batch, bool intoPart, CancellationToken cancellationToken)
    {
        if (intoPart && _part is null)
        {
            _part = NewBlock();
            _sumBinding = BindSum(cancellationToken);
        }

        return step.Compute(batch, _values!, intoPart ? _part! : _gradients!, cancellationToken);
    }

    protected override void Combine(double factor, double partFactor)
    {
        SetNumber(UpdateGraphs.GradientScale, factor);
        SetNumber(UpdateGraphs.PartScale, partFactor);
        _sumBinding!.Run();
    }

    private DeviceBlock NewBlock() => Own(new DeviceBlock(Parameters.Layout, _memory));

    private T Own<T>(T part)
        where T : IDisposable
    {
        _owned.Add(part);
        return part;
    }

    private void AllocateMasks()
    {
        foreach (var (index, slot) in UpdateGraphs.Slots(Parameters.Layout))
        {
            if (Parameters.MaskAt(index) is { } mask)
            {
                using var host = new NativeArray(DataType.Bool, slot.Dims);
                var kept = host.AsSpan<byte>();
                for (var i = 0; i < kept.Length; i++)
                {
                    kept[i] = mask[i] ? (byte)1 : (byte)0;
                }

                _masks[UpdateGraphs.Mask + slot.Name] = Own(_memory.Allocate(DataType.Bool, slot.Dims));
                _masks[UpdateGraphs.Mask + slot.Name].CopyFrom(host);
            }
        }
    }

    private IFunctionBinding BindNorm(CancellationToken cancellationToken)
    {
        var binding = Bind(UpdateGraphs.CreateNorm(Parameters), new() { [UpdateGraphs.Gradient] = _gradients! }, cancellationToken);
        binding.SetOutput(UpdateGraphs.Norm, _norm);
        return binding;
    }

    private IFunctionBinding BindSum(CancellationToken cancellationToken) =>
        Bind(UpdateGraphs.CreateSum(Parameters), new() { [UpdateGraphs.Gradient] = _gradients!, [UpdateGraphs.Part] = _part! }, cancellationToken);

    private IFunctionBinding BindUpdate(CancellationToken cancellationToken)
    {
        var blocks = new Dictionary<string, DeviceBlock> { [UpdateGraphs.Weight] = _values!, [UpdateGraphs.Gradient] = _gradients! };
        foreach (var (state, block) in optimizer.State.Zip(_state))
        {
            blocks[UpdateGraphs.State(state)] = block;
        }

        if (_average is not null)
        {
            blocks[UpdateGraphs.Average] = _average;
        }

        return Bind(UpdateGraphs.CreateUpdate(optimizer, _average is not null), blocks, cancellationToken);
    }

    /// <summary>Compiles a graph, and binds each input and output that a block has to the block; outputs are written where the inputs were read.</summary>
    private IFunctionBinding Bind(Model model, Dictionary<string, DeviceBlock> blocks, CancellationToken cancellationToken)
    {
        using var graph = model;
        var function = Own(device.Engine.Compile(graph, device.Options, cancellationToken));
        var binding = Own(function.Bind());
        var inputs = function.Inputs.Select(input => input.Name).ToHashSet();
        var outputs = function.Outputs.Select(output => output.Name).ToHashSet();
        foreach (var (prefix, block) in blocks)
        {
            foreach (var (slot, array) in block.Layout.Slots.Zip(block.Arrays))
            {
                if (inputs.Remove(prefix + slot.Name))
                {
                    binding.SetInput(prefix + slot.Name, array);
                }

                if (outputs.Contains(UpdateGraphs.New + prefix + slot.Name))
                {
                    binding.SetOutput(UpdateGraphs.New + prefix + slot.Name, array);
                }
            }
        }

        foreach (var name in inputs)
        {
            if (_masks.TryGetValue(name, out var mask))
            {
                binding.SetInput(name, mask);
            }
            else
            {
                _numbers.TryAdd(name, new NativeArray(DataType.Float));
                binding.SetInput(name, _numbers[name]);
            }
        }

        return binding;
    }

    private void SetNumber(string name, double value) => _numbers[name].AsSpan<float>()[0] = (float)value;
}
