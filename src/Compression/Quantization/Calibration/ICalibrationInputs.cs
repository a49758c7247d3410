using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>What a model is looked at with, one run after the other, so that memory does not depend on how much there is.</summary>
internal interface ICalibrationInputs : IDisposable
{
    /// <summary>How many runs there are.</summary>
    int Runs { get; }

    /// <summary>The inputs of a run, the same each time.</summary>
    /// <param name="run">Its number, from 0.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    CalibrationFeeds Read(int run, CancellationToken cancellationToken);

    /// <summary>Lets go of files; most have none of their own.</summary>
    void IDisposable.Dispose()
    {
    }
}

/// <summary>What all of them have.</summary>
internal static class CalibrationInputsExtensions
{
    /// <summary>The inputs of all runs, one after the other.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public static IEnumerable<CalibrationFeeds> ReadAll(this ICalibrationInputs inputs, CancellationToken cancellationToken) =>
        Enumerable.Range(0, inputs.Runs).Select(run => inputs.Read(run, cancellationToken));
}

/// <summary>The inputs of a run.</summary>
/// <param name="Arrays">An array for each input of the model, by name.</param>
/// <param name="Step">The step of the sampler, from 0; 0 where there is none.</param>
internal sealed record CalibrationFeeds(IReadOnlyDictionary<string, NdArray> Arrays, int Step);
