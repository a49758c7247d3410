using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization.Calibration;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>Finds out how the weights of layers are best rounded by looking at the model while it runs.</summary>
internal interface ICalibratedRounding
{
    /// <summary>How often the model ran over the inputs.</summary>
    int Passes { get; }

    /// <summary>Finds how to round the weights of layers.</summary>
    /// <param name="layers">Layers that the scheme can quantize.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="share">The share of the stage's progress that this has.</param>
    void Run(IReadOnlyList<Layer> layers, ICalibrationInputs inputs, double share);

    /// <summary>The rounded weight of a layer; null when nearest codes are to be taken.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="cancellationToken">Cancels.</param>
    BlockwiseWeight? Find(Layer layer, CancellationToken cancellationToken);

    /// <summary>Tells how the weight of a layer was rounded.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="metrics">Takes it.</param>
    void Describe(Layer layer, JsonObject metrics);
}
