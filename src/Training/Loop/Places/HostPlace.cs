using System.Runtime.Intrinsics;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Loop.Places;

/// <summary>The memory of the CPU: the blocks are what the step and the optimizer work on.</summary>
internal sealed class HostPlace(ITrainingStep step, Optimizer optimizer, MovingAverage? average, int? microBatch) : TrainingPlace(microBatch)
{
    private readonly ParameterSet _parameters = optimizer.Parameters;
    private ParameterBlock? _part;

    public override void Load(CancellationToken cancellationToken)
    {
    }

    public override void Store()
    {
    }

    public override void StoreGradients()
    {
    }

    public override double GradientNorm() => Optimization.GradientNorm.Compute(_parameters, optimizer.Threads);

    public override void Update(double learningRate, double gradientScale) => optimizer.Step(learningRate, gradientScale, average);

    public override void Dispose() => _part?.Dispose();

    protected override LossValue Compute(Batch batch, bool intoPart, CancellationToken cancellationToken) =>
        step.Compute(batch, intoPart ? _part ??= _parameters.NewBlock() : _parameters.Gradients, cancellationToken);

    protected override unsafe void Combine(double factor, double partFactor)
    {
        var gradients = _parameters.Gradients.Pointer;
        var other = _part!.Pointer;
        var (a, b) = (Vector512.Create((float)factor), Vector512.Create((float)partFactor));
        BlockPass.Run(_parameters.Layout, optimizer.Threads, (_, start, end) =>
        {
            for (var i = start; i < end; i += Vector512<float>.Count)
            {
                Vector512.FusedMultiplyAdd(Vector512.LoadAligned(other + i), b, Vector512.LoadAligned(gradients + i) * a).StoreAligned(gradients + i);
            }
        });
        GC.KeepAlive(this);
    }
}
