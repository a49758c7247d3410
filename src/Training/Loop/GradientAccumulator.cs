using System.Runtime.Intrinsics;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Loop;

/// <summary>
/// Computes a step in parts that fit into memory. Loss and gradients are means over samples, so those of the batch are the
/// means of those of the parts, weighted by their sizes.
/// </summary>
internal sealed class GradientAccumulator(ParameterSet parameters, ITrainingStep step, int? microBatch, int threads) : IDisposable
{
    private ParameterBlock? _part;

    /// <summary>Leaves the gradients of a batch in <see cref="ParameterSet.Gradients"/>.</summary>
    public LossValue Compute(Batch batch, CancellationToken cancellationToken)
    {
        if (microBatch is not { } size || size >= batch.Count)
        {
            return step.Compute(batch, parameters.Gradients, cancellationToken);
        }

        LossValue? sum = null;
        double scale = 1;
        foreach (var (part, share) in Parts(batch))
        {
            using (part)
            {
                if (sum is null)
                {
                    sum = Scale(step.Compute(part, parameters.Gradients, cancellationToken), share);
                    scale = share;
                }
                else
                {
                    _part ??= parameters.NewBlock();
                    sum = Add(sum, Scale(step.Compute(part, _part, cancellationToken), share));
                    Combine(scale, share, _part);
                    scale = 1;
                }
            }
        }

        return sum!;
    }

    /// <summary>The first bad value of any part; null when it cannot be told.</summary>
    public string? FindNonFinite(Batch batch, CancellationToken cancellationToken)
    {
        foreach (var (part, _) in Parts(batch))
        {
            using (part)
            {
                if (step.FindNonFinite(part, cancellationToken) is { } found)
                {
                    return found;
                }
            }
        }

        return null;
    }

    public void Dispose() => _part?.Dispose();

    private static LossValue Scale(LossValue loss, double factor) =>
        new(loss.Total * factor, [.. loss.Terms.Select(term => term with { Value = term.Value * factor })]);

    private static LossValue Add(LossValue a, LossValue b) =>
        new(a.Total + b.Total, [.. a.Terms.Zip(b.Terms, (x, y) => x with { Value = x.Value + y.Value })]);

    private IEnumerable<(Batch Part, double Share)> Parts(Batch batch)
    {
        var size = Math.Min(microBatch ?? batch.Count, batch.Count);
        for (var first = 0; first < batch.Count; first += size)
        {
            var count = Math.Min(size, batch.Count - first);
            yield return (batch.Slice(first, count), (double)count / batch.Count);
        }
    }

    /// <summary>gradients = gradients * factor + part * partFactor.</summary>
    private unsafe void Combine(double factor, double partFactor, ParameterBlock part)
    {
        var gradients = parameters.Gradients.Pointer;
        var other = part.Pointer;
        var (a, b) = (Vector512.Create((float)factor), Vector512.Create((float)partFactor));
        BlockPass.Run(parameters.Layout, threads, (_, start, end) =>
        {
            for (var i = start; i < end; i += Vector512<float>.Count)
            {
                Vector512.FusedMultiplyAdd(Vector512.LoadAligned(other + i), b, Vector512.LoadAligned(gradients + i) * a).StoreAligned(gradients + i);
            }
        });
        GC.KeepAlive(part);
    }
}
