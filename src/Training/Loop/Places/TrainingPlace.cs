namespace CompressTool.Training.Loop.Places;

/// <summary>
/// Where a training keeps what changes from step to step, and does its arithmetic. The blocks of the host, which checkpoints
/// and evaluations see, are brought up to date by <see cref="Store"/>.
/// </summary>
/// <param name="microBatch">Samples computed at once; null for the whole batch.</param>
internal abstract class TrainingPlace(int? microBatch) : IDisposable
{
    /// <summary>Takes over what is in the blocks of the host: before the first step, and after a checkpoint has been read.</summary>
    public abstract void Load(CancellationToken cancellationToken);

    /// <summary>Brings parameters, optimizer state and average of the host up to date.</summary>
    public abstract void Store();

    /// <summary>Brings the gradients of the host up to date.</summary>
    public abstract void StoreGradients();

    /// <summary>The root of the sum of squares of all gradients; not finite if one is not.</summary>
    public abstract double GradientNorm();

    /// <summary>Makes the optimizer's step.</summary>
    /// <param name="learningRate">The learning rate.</param>
    /// <param name="gradientScale">Factor of the gradients.</param>
    public abstract void Update(double learningRate, double gradientScale);

    /// <summary>
    /// Computes the gradients of a batch, in parts that fit into memory. Loss and gradients are means over samples, so those
    /// of the batch are the means of those of the parts, weighted by their sizes.
    /// </summary>
    public LossValue Compute(Batch batch, CancellationToken cancellationToken)
    {
        if (microBatch is not { } size || size >= batch.Count)
        {
            return Compute(batch, intoPart: false, cancellationToken);
        }

        LossValue? sum = null;
        double scale = 1;
        foreach (var (part, share) in Parts(batch))
        {
            using (part)
            {
                if (sum is null)
                {
                    sum = Scale(Compute(part, intoPart: false, cancellationToken), share);
                    scale = share;
                }
                else
                {
                    sum = Add(sum, Scale(Compute(part, intoPart: true, cancellationToken), share));
                    Combine(scale, share);
                    scale = 1;
                }
            }
        }

        return sum!;
    }

    /// <summary>The first bad value of any part; null when it cannot be told.</summary>
    public string? FindNonFinite(ITrainingStep step, Batch batch, CancellationToken cancellationToken)
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

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Computes the gradients of samples into the block of the batch, or into that of the part.</summary>
    protected abstract LossValue Compute(Batch batch, bool intoPart, CancellationToken cancellationToken);

    /// <summary>gradients = gradients * factor + part * partFactor.</summary>
    protected abstract void Combine(double factor, double partFactor);

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
}
