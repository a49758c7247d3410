using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>Whether the gradient of the timestep at which the loss has become small still counts.</summary>
internal enum SweepStop
{
    /// <summary>No: the loss is looked at before its gradient (<c>ddpm_exp/prune.py</c>, which the published tables come from).</summary>
    BeforeGradient,

    /// <summary>Yes: the loss is looked at after its gradient (<c>ddpm_prune.py</c>, for diffusers).</summary>
    AfterGradient,
}

/// <summary>
/// The gradients of Diff-Pruning (Fang et al. 2023, "Structural pruning for diffusion models"): those of one noisy batch, added up
/// with their signs over timesteps in ascending order, until the loss falls below a share of the largest so far. Later timesteps
/// are nearly noise alone: their losses are small, and their gradients noisy.
/// </summary>
/// <param name="Timesteps">The timesteps, ascending.</param>
/// <param name="Threshold">The share of the largest loss; 0 to stop never.</param>
/// <param name="Stop">Whether the timestep that ends it counts.</param>
internal sealed record TimestepSweep(IReadOnlyList<long> Timesteps, double Threshold, SweepStop Stop)
{
    /// <summary>Timesteps spaced evenly from 0.</summary>
    /// <param name="count">How many; at most all.</param>
    /// <param name="all">How many the noise schedule has.</param>
    public static long[] Spaced(int count, int all) => [.. Enumerable.Range(0, Math.Min(count, all)).Select(index => (long)index * all / Math.Min(count, all))];

    /// <summary>Adds the gradients up.</summary>
    /// <param name="step">Computes gradients.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="sum">Where they are added.</param>
    /// <param name="checkpoint">Keeps how far it has come; null for nobody.</param>
    /// <param name="report">Told how many timesteps are done, and the last loss.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The losses, that of the timestep that ended it included, and how many gradients count.</returns>
    /// <exception cref="CompressToolException">No gradient counts: the threshold is above 1.</exception>
    public (double[] Losses, int Used) Run(GradientStep step, NoisyBatch batch, GradientSum sum, SweepCheckpoint? checkpoint, Action<int, double>? report, CancellationToken cancellationToken)
    {
        // What counts in any case is added at once. Else the gradients of a timestep wait until its loss is known, on their own if there are several parts.
        var isSure = Threshold <= 0 || Stop == SweepStop.AfterGradient;
        var isWhole = batch.Batch.Count == step.Samples;
        List<double> losses = [.. checkpoint?.Restore(sum) ?? []];
        var (largest, used) = (losses.Append(0).Max(), losses.Count);
        using var waiting = isSure || isWhole ? null : new GradientSum(step.Parameters);
        foreach (var timestep in Timesteps.Skip(used))
        {
            batch.Set(timestep);
            var loss = 0.0;
            foreach (var (part, share) in step.Parts(batch.Batch))
            {
                loss += share * step.Compute(part, cancellationToken);
                (isSure ? sum : waiting)?.Add(step.Gradients, share);
            }

            losses.Add(loss);
            largest = Math.Max(largest, loss);
            var isSmall = loss < Threshold * largest;
            if (isSmall && Stop == SweepStop.BeforeGradient)
            {
                break;
            }

            if (!isSure)
            {
                sum.Add(waiting?.Block ?? step.Gradients, 1);
                waiting?.Block.Clear();
            }

            used++;
            if (isSmall)
            {
                break;
            }

            checkpoint?.Save(sum, losses, cancellationToken);
            report?.Invoke(used, loss);
        }

        if (used == 0)
        {
            throw new CompressToolException(
                CompressionErrors.InvalidTraining,
                $"no timestep's loss is {Threshold} times the largest or more; give a threshold of 1 or less, e.g. 0.05")
            { OptionPath = "threshold" };
        }

        checkpoint?.Delete();
        return ([.. losses], used);
    }
}
