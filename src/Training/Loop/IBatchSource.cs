namespace CompressTool.Training.Loop;

/// <summary>Where a training takes its data from.</summary>
public interface IBatchSource
{
    /// <summary>What decides the data, by name, for the configuration that checkpoints keep: files and their content, sizes, augmentations.</summary>
    IEnumerable<KeyValuePair<string, string>> Describe();

    /// <summary>
    /// The batch of a step: a function of seed and step alone, so that a resumed training sees what the undisturbed one would.
    /// Called on a background thread, one step after the other.
    /// </summary>
    /// <param name="seed">The training's seed.</param>
    /// <param name="step">The step, from 0.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The batch, which belongs to the caller.</returns>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The data cannot be read or used.</exception>
    Batch Read(ulong seed, long step, CancellationToken cancellationToken);
}
