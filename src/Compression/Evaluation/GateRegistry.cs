using CompressTool.Compression.Evaluation.Images;

namespace CompressTool.Compression.Evaluation;

/// <summary>All kinds of gates. A new gate adds one line here.</summary>
public static class GateRegistry
{
    /// <summary>The gates, in the order the reference lists them.</summary>
    public static IReadOnlyList<IGate> All { get; } =
    [
        new SizeGate(),
        new ParametersGate(),
        new SparsityGate(),
        new MaxAbsErrorGate(),
        new PsnrGate(),
        new LatencyGate(),
        new PeakMemoryGate(),
        new HighestFigureGate("fid", "Fréchet distance of the features of samples from those of reference images (Heusel et al. 2017). With the features of our own model it is called shapes-fid, and no FID as papers have it.", "fid: { max: 12, max-increase: 2 }"),
        new HighestFigureGate("kid", "Kernel distance of the features of samples from those of reference images (Binkowski et al. 2018).", "kid: { max: 0.05 }"),
        new LowestFigureGate("precision", "Share of samples that lie among the reference images (Kynkäänniemi et al. 2019): their quality.", "precision: { min: 0.6 }"),
        new LowestFigureGate("recall", "Share of reference images that lie among the samples: their variety.", "recall: { max-decrease: 0.1 }"),
        new LowestFigureGate("ssim", "Mean structural similarity of samples to those of the input model from the same noise.", "ssim: { min: 0.8 }"),
        new LowestFigureGate("image-psnr", "Mean peak signal-to-noise ratio of samples against those of the input model from the same noise, in dB.", "image-psnr: { min: 20 }"),
        new HighestFigureGate("lpips", "Mean LPIPS distance (Zhang et al. 2018) of samples from those of the input model from the same noise, by the model given to the stage.", "lpips: { max: 0.2 }"),
        new LowestFigureGate("clip-score", "Mean cosine of the embeddings of samples and their captions, by the model given to the stage.", "clip-score: { max-decrease: 0.01 }"),
        new MacsPerImageGate(),
        new LatencyPerImageGate(),
    ];

    /// <summary>The gate of a kind; null when there is none.</summary>
    public static IGate? Find(string kind) => All.FirstOrDefault(gate => gate.Info.Kind == kind);
}
