using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>What a model is looked at with, one run after the other, so that memory does not depend on how much there is.</summary>
internal interface ICalibrationInputs : IDisposable
{
    /// <summary>How many runs there are.</summary>
    int Runs { get; }

    /// <summary>The inputs of all runs; can be gone through several times, always the same.</summary>
    /// <param name="cancellationToken">Ends the work.</param>
    IEnumerable<CalibrationFeeds> Read(CancellationToken cancellationToken);

    /// <summary>Lets go of files; most have none of their own.</summary>
    void IDisposable.Dispose()
    {
    }
}

/// <summary>The inputs of a run.</summary>
/// <param name="Arrays">An array for each input of the model, by name.</param>
/// <param name="Step">The step of the sampler, from 0; 0 where there is none.</param>
internal sealed record CalibrationFeeds(IReadOnlyDictionary<string, NdArray> Arrays, int Step);
