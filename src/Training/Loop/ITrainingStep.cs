using CompressTool.Training.Engine;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Loop;

/// <summary>A part of a loss.</summary>
/// <param name="Name">Its name, e.g. <c>features</c>.</param>
/// <param name="Value">Its value, as it enters the sum.</param>
public readonly record struct LossTerm(string Name, double Value);

/// <summary>The value of a loss: a mean over samples.</summary>
/// <param name="Total">The whole.</param>
/// <param name="Terms">Its parts, where it has several; empty otherwise.</param>
public sealed record LossValue(double Total, IReadOnlyList<LossTerm> Terms)
{
    /// <summary>A loss without parts.</summary>
    public LossValue(double total)
        : this(total, [])
    {
    }
}

/// <summary>What a <see cref="Trainer"/> trains: something that computes a loss and its gradients. It reads the parameters in place.</summary>
public interface ITrainingStep
{
    /// <summary>Computes the loss, a mean over the samples, and its gradients.</summary>
    /// <param name="batch">The samples: a batch, or the part of it that is computed at once.</param>
    /// <param name="gradients">Where the gradients go, in place of what is there: one of two blocks, the same ones in every call.</param>
    /// <param name="cancellationToken">Ends the work; the gradients are undefined then.</param>
    LossValue Compute(Batch batch, ParameterBlock gradients, CancellationToken cancellationToken);

    /// <summary>
    /// Finds what became infinite or not a number first, after <see cref="Compute"/> gave such a loss or gradient. The
    /// parameters have not changed since.
    /// </summary>
    /// <param name="batch">The samples.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>Words for an error message, e.g. <c>output 'h' of the Exp '/act/Exp'</c>; null when it cannot be told.</returns>
    string? FindNonFinite(Batch batch, CancellationToken cancellationToken) => null;
}

/// <summary>A step that can leave parameters and gradients on the device where it computes them.</summary>
public interface IDeviceTrainingStep : ITrainingStep
{
    /// <summary>The device that parameters and gradients shall stay on; null for the host.</summary>
    TrainingDevice? Device { get; }

    /// <summary>Computes the loss and its gradients, as <see cref="ITrainingStep.Compute"/>.</summary>
    /// <param name="batch">The samples.</param>
    /// <param name="values">The parameters.</param>
    /// <param name="gradients">Where the gradients go: one of two blocks, the same ones in every call.</param>
    /// <param name="cancellationToken">Ends the work; the gradients are undefined then.</param>
    LossValue Compute(Batch batch, DeviceBlock values, DeviceBlock gradients, CancellationToken cancellationToken);
}
