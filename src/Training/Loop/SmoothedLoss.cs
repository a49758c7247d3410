namespace CompressTool.Training.Loop;

/// <summary>The exponential mean of losses, without the bias of its start (as Adam corrects its means).</summary>
internal struct SmoothedLoss(double sum, double weight)
{
    private const double Decay = 0.98;

    public double Sum { get; private set; } = sum;

    public double Weight { get; private set; } = weight;

    /// <summary>The mean; NaN before the first loss.</summary>
    public readonly double Value => Sum / Weight;

    public void Add(double loss)
    {
        Sum = (Decay * Sum) + ((1 - Decay) * loss);
        Weight = (Decay * Weight) + (1 - Decay);
    }
}
