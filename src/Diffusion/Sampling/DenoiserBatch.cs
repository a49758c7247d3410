using CompressTool.Diffusion.Guidance;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Sampling;

/// <summary>
/// Some of a run's samples, bound to the model once for all steps. The model reads and writes the run's own memory where it
/// can. It gets copies of its own when the sampler scales samples, when guidance needs every sample twice (without the
/// condition first), when elements are of another type, or when the model's fixed batch has to be filled up.
/// </summary>
internal sealed class DenoiserBatch : IDisposable
{
    private readonly SampleBuffers _buffers;
    private readonly ClassifierFreeGuidance? _guidance;
    private readonly int _first, _count, _outputRow;
    private readonly bool _ownInput, _ownOutput;
    private readonly NativeArray _input, _output, _timesteps;
    private readonly List<NativeArray> _owned = [];
    private readonly List<IFunctionBinding> _bindings = [];

    /// <summary>Binds samples.</summary>
    /// <param name="denoiser">The model.</param>
    /// <param name="buffers">The run's memory.</param>
    /// <param name="options">What is drawn.</param>
    /// <param name="first">The first sample.</param>
    /// <param name="count">The number of samples.</param>
    /// <param name="scalesInput">Whether the sampler scales samples for the model.</param>
    /// <param name="outputChannels">How many times more channels the output has than the samples: 2 with variances.</param>
    public DenoiserBatch(Denoiser denoiser, SampleBuffers buffers, SamplingOptions options, int first, int count, bool scalesInput, int outputChannels)
    {
        (_buffers, _first, _count) = (buffers, first, count);
        _guidance = options.Guidance is { IsActive: true } guidance ? guidance : null;
        _outputRow = buffers.RowLength * outputChannels;
        var rows = _guidance is null ? count : 2 * count;
        var perRun = (int)(denoiser.FixedBatch ?? rows);
        var padded = (rows + perRun - 1) / perRun * perRun;
        var type = denoiser.Sample.Type.ElementType;
        var plain = type == DataType.Float && padded == count;
        (_ownInput, _ownOutput) = (!plain || scalesInput, !plain || outputChannels > 1);
        try
        {
            long[] outputShape = [buffers.Shape[0] * outputChannels, .. buffers.Shape[1..]];
            _input = _ownInput ? Own(new NativeArray(type, [padded, .. buffers.Shape])) : Part(buffers.Samples, first, count, buffers.Shape);
            _output = _ownOutput ? Own(new NativeArray(type, [padded, .. outputShape])) : Part(buffers.Outputs, first, count, buffers.Shape);
            _timesteps = Own(new NativeArray(denoiser.Timestep.Type.ElementType, TimestepDims(denoiser.Timestep, perRun)));
            var conditions = new ConditionRows(denoiser, options, first, count, _guidance is not null).Create(padded, Own);
            for (var start = 0; start < padded; start += perRun)
            {
                var binding = denoiser.Function.Bind();
                _bindings.Add(binding);
                binding.SetInput(denoiser.Sample.Name, Part(_input, start, perRun, buffers.Shape));
                binding.SetInput(denoiser.Timestep.Name, _timesteps);
                binding.SetOutput(denoiser.Output.Name, Part(_output, start, perRun, outputShape));
                foreach (var (name, array, batched) in conditions)
                {
                    binding.SetInput(name, batched ? Part(array, start, perRun, [.. array.Dims.Skip(1)]) : array);
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>How often the model runs for one step.</summary>
    public int Runs => _bindings.Count;

    /// <summary>Runs the model and leaves its guided output in the run's memory.</summary>
    /// <param name="scale">What samples are multiplied by.</param>
    /// <param name="timestep">The timestep.</param>
    /// <param name="ran">Called after every run.</param>
    /// <param name="cancellationToken">Ends a run before its next node.</param>
    public void Evaluate(float scale, float timestep, Action ran, CancellationToken cancellationToken)
    {
        var samples = Rows(_buffers.Samples);
        if (_ownInput)
        {
            RowCopy.Write(samples, scale, _input, 0);
            if (_guidance is not null)
            {
                RowCopy.Write(samples, scale, _input, samples.Length);
            }
        }

        RowCopy.Fill(_timesteps, timestep);
        foreach (var binding in _bindings)
        {
            binding.Run(cancellationToken);
            ran();
        }

        if (_ownOutput)
        {
            ReadOutput();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _bindings.ForEach(binding => binding.Dispose());
        _owned.ForEach(array => array.Dispose());
    }

    private static long[] TimestepDims(FunctionValue timestep, int rows) => timestep.Type.Shape switch
    {
        { Count: 0 } => [],
        { Count: 1 } shape when shape[0].Value is { } size => [size],
        _ => [rows],
    };

    private static NativeArray Part(NativeArray whole, int firstRow, int rows, long[] shape)
    {
        var rowBytes = whole.ByteLength / whole.Dims[0];
        return whole.Part(firstRow * rowBytes, whole.Type, [rows, .. shape]);
    }

    /// <summary>Takes the prediction, and the variances where they are needed, out of the model's output.</summary>
    private void ReadOutput()
    {
        var length = _buffers.RowLength;
        var outputs = Rows(_buffers.Outputs);
        var without = _guidance is null ? [] : new float[length];
        for (var row = 0; row < _count; row++)
        {
            var destination = outputs.Slice(row * length, length);
            var with = (_guidance is null ? row : _count + row) * _outputRow;
            RowCopy.Read(_output, with, destination);
            if (_guidance is not null)
            {
                RowCopy.Read(_output, row * _outputRow, without);
                _guidance.Apply(without, destination, length, without);
                without.CopyTo(destination);
            }

            if (_buffers.Variances.Length > 0)
            {
                RowCopy.Read(_output, with + length, _buffers.Variances.AsSpan((_first + row) * length, length));
            }
        }
    }

    private Span<float> Rows(NativeArray all) => all.AsSpan<float>().Slice(_first * _buffers.RowLength, _count * _buffers.RowLength);

    private NativeArray Own(NativeArray array)
    {
        _owned.Add(array);
        return array;
    }
}
